"""Tests of differences: a bootstrap over users and runs, and Holm's correction.

Users are drawn once for all rows, so that differences are paired: a user who is hard for one model
is mostly hard for the other. Runs (seeds) are drawn within each row. The two crossed draws are the
pigeonhole bootstrap (Owen 2007, "The pigeonhole bootstrap", Annals of Applied Statistics 1).
"""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]
LEVEL = 0.95
CHUNK = 1 << 23  # weights that are held at once


def resampled_sums(value_UC: Floats, *, replicates: int, seed: int = 0) -> Floats:
    """Sum over users drawn with replacement, with the same draws for every column.

    Each user is drawn ``Poisson(1)`` times independently, which approaches multinomial draws as
    users grow in number (Hanley and MacGibbon 2006; Chamandy et al. 2012); means are ratios of the
    sums of two columns.

    Args:
        value_UC: users by columns to sum.
        replicates: number of draws, B.
        seed: seed of the draws.

    Returns:
        (B, C), float32.
    """
    random, users = np.random.default_rng(seed), len(value_UC)
    value = np.ascontiguousarray(value_UC, dtype=np.float32)
    sums = np.empty((replicates, value.shape[1]), dtype=np.float32)
    times = _poisson_table()
    step = max(1, CHUNK // users)
    for first in range(0, replicates, step):
        rows = min(step, replicates - first)
        drawn = np.frombuffer(random.bytes(2 * rows * users), dtype=np.uint16)
        sums[first : first + rows] = times[drawn].reshape(rows, users) @ value
    return sums


def _poisson_table() -> NDArray[np.float32]:
    """Map 65,536 equally likely numbers to draws of ``Poisson(1)``, to within 2^-17."""
    count = np.arange(9)
    factorial = np.cumprod(np.maximum(count, 1), dtype=np.float64)
    below = np.cumsum(np.exp(-1) / factorial)
    return np.searchsorted(below, (np.arange(65536) + 0.5) / 65536).astype(np.float32)


def resampled_rows(mean_BR: Floats, rows: list[list[int]], *, seed: int = 0) -> Floats:
    """Average rows over runs drawn with replacement.

    ``S - 1`` of a row's S runs are drawn: their mean varies like the mean of S runs, while that of
    the usual S draws varies too little by ``(S - 1) / S`` (Rao and Wu 1988). A single run gives no
    information on how runs vary.

    Args:
        mean_BR: replicates by runs, see :func:`resampled_sums`.
        rows: the runs of each row.
        seed: seed of the draws.

    Returns:
        (B, rows).
    """
    random = np.random.default_rng([seed, 1])
    means = []
    for runs in rows:
        draws = max(1, len(runs) - 1)
        times = random.multinomial(draws, [1 / len(runs)] * len(runs), size=len(mean_BR))
        means.append((mean_BR[:, runs] * times).sum(1) / draws)
    return np.stack(means, axis=1)


def interval(value_BG: Floats, level: float = LEVEL) -> tuple[Floats, Floats]:
    """Return the ends of each column's percentile interval (Efron and Tibshirani 1993)."""
    low, high = np.nanquantile(value_BG, [(1 - level) / 2, (1 + level) / 2], axis=0)
    return low, high


def p_values(difference_BG: Floats) -> Floats:
    """Compute the two-sided p of "no difference" by column: how often the sign is reversed.

    It is never 0, as the observed data count as a replicate (Davison and Hinkley 1997, 4.2).
    """
    less, more = (difference_BG <= 0).sum(0), (difference_BG >= 0).sum(0)
    return np.minimum(1, 2 * (1 + np.minimum(less, more)) / (len(difference_BG) + 1))


def holm(p: Floats) -> Floats:
    """Adjust p-values: rejecting those <= alpha keeps the family-wise error alpha (Holm 1979)."""
    order = np.argsort(p, kind="stable")
    scaled = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    adjusted = np.empty_like(scaled)
    adjusted[order] = np.minimum(1, scaled)
    return adjusted


def pareto_front(cost: Floats, gain: Floats) -> NDArray[np.bool_]:
    """Return the points that no other dominates in cost and gain; of equal points, the first."""
    order = np.lexsort((-gain, cost))
    front = np.zeros(len(cost), dtype=bool)
    best = -np.inf
    for at in order:
        front[at] = gain[at] > best
        best = max(best, gain[at])
    return front


def user_sums(value_RE: Floats, user_E: NDArray[np.integer]) -> Floats:
    """Sum values over the events of a user, (R, U); events are ordered by user."""
    first_U = np.flatnonzero(np.r_[True, user_E[1:] != user_E[:-1]])
    return np.add.reduceat(value_RE, first_U, axis=1)
