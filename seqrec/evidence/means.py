"""Means over sessions with intervals, where a session may have several events."""

from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike

from seqrec.evidence.sequence import Interval


def clustered(values: ArrayLike, session: ArrayLike, *, alpha: float = 0.05) -> Interval:
    """Return the mean of values and its interval, by the variance between sessions.

    The variance of the ratio of two sums over independent sessions (Cochran, "Sampling Techniques",
    1977, section 6.4), with the quantiles of the normal distribution.

    Args:
        values: (n,) numbers.
        session: (n,) what each belongs to; events of one session depend on each other.
        alpha: how often the interval may miss the mean.
    """
    x, code = np.asarray(values, np.float64), np.unique(np.asarray(session), return_inverse=True)[1]
    if not x.size:
        return Interval(0.0, -np.inf, np.inf, 0)
    mean, sessions = float(x.mean()), int(code.max()) + 1
    if sessions == 1:
        return Interval(mean, -np.inf, np.inf, 1)
    off = np.bincount(code, x - mean)
    error = np.sqrt((off**2).sum() * sessions / (sessions - 1)) / x.size
    half = NormalDist().inv_cdf(1 - alpha / 2) * float(error)
    return Interval(mean, mean - half, mean + half, sessions)


def units_needed(interval: Interval, bar: float) -> int:
    """Return about how many units more would tell the mean from a bar; 0: they never would.

    The half-width falls with the root of the number of units, if the estimate stays what it is.
    """
    half = (interval.upper - interval.lower) / 2
    apart = abs(interval.estimate - bar)
    if not np.isfinite(half) or not apart:
        return 0
    return max(0, int(np.ceil(interval.units * ((half / apart) ** 2 - 1))))
