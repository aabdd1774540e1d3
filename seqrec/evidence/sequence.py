"""Intervals that stay valid however often, and whenever, one looks at them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
MOST = 0.5  # of what is bet on one observation: c in the paper, which calls 1/2 or 3/4 sensible


@dataclass(frozen=True)
class Interval:
    """An estimate and its interval.

    Args:
        estimate: the mean.
        lower: the lower end.
        upper: the upper end.
        units: how many observations it is of.
    """

    estimate: float
    lower: float
    upper: float
    units: int


def confidence_sequence(values: ArrayLike, *, alpha: float = 0.05) -> tuple[Floats, Floats]:
    """Return the ends of an interval of the mean after each observation.

    With probability 1 - alpha *all* of them hold the mean at once, so one may stop at any of them,
    for any reason. It is the predictable plug-in empirical Bernstein confidence sequence of
    Waudby-Smith and Ramdas, "Estimating means of bounded random variables by betting" (JRSS B
    2024), theorem 2 and equation 15, with the running intersection.

    Args:
        values: (n,) in the order in which they came, from 0 to 1, with the same mean given those
            before; they needn't be independent or identically distributed otherwise.
        alpha: how often the sequence may miss the mean.

    Returns:
        The lower and the upper ends, (n,) each.

    Raises:
        ValueError: a value isn't between 0 and 1.
    """
    x = np.asarray(values, dtype=np.float64)
    if x.size and not (x.min() >= 0 and x.max() <= 1):  # NaN isn't, either
        raise ValueError("the values have to lie between 0 and 1")
    t = np.arange(1, x.size + 1)
    mean = (0.5 + np.cumsum(x)) / (t + 1)
    mean_before = np.concatenate([[0.5], mean[:-1]])
    variance = (0.25 + np.cumsum((x - mean) ** 2)) / (t + 1)
    variance_before = np.concatenate([[0.25], variance[:-1]])
    log = np.log(2 / alpha)
    bet = np.minimum(np.sqrt(2 * log / (variance_before * t * np.log1p(t))), MOST)
    spread = 4 * (x - mean_before[: x.size]) ** 2 * (-np.log1p(-bet) - bet) / 4
    total = np.cumsum(bet)
    centre, half = np.cumsum(bet * x) / total, (log + np.cumsum(spread)) / total
    lower = np.maximum.accumulate(np.maximum(centre - half, 0))
    upper = np.minimum.accumulate(np.minimum(centre + half, 1))
    return lower, upper


def difference(new: ArrayLike, old: ArrayLike, *, alpha: float = 0.05) -> Interval:
    """Return an always-valid interval of the difference of two means, `new` less `old`.

    Each has a confidence sequence of alpha / 2, so both hold at once.

    Args:
        new: (n,) values of one arm in the order in which they came, from 0 to 1.
        old: (m,) values of the other arm.
        alpha: how often the interval may miss the difference, over all looks together.

    Raises:
        ValueError: a value isn't between 0 and 1.
    """
    ends = []
    for values in (new, old):
        lower, upper = confidence_sequence(values, alpha=alpha / 2)
        ends.append((lower[-1], upper[-1]) if lower.size else (0.0, 1.0))
    (new_lower, new_upper), (old_lower, old_upper) = ends
    means = [float(np.mean(v)) if np.size(v) else 0.5 for v in (new, old)]
    return Interval(
        estimate=means[0] - means[1],
        lower=float(new_lower - old_upper),
        upper=float(new_upper - old_lower),
        units=int(np.size(new) + np.size(old)),
    )
