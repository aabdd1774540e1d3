"""Shares of slots and of events: how far two distributions lie apart, and what jumped."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
PRIOR = 0.5  # added to each count, so that an empty bin is rare and not impossible
HALVINGS = 60  # of an interval of chances


def psi(actual_XB: ArrayLike, expected_XB: ArrayLike) -> Floats:
    """Return the population stability index of counts in bins: sum of (a - e) ln(a / e).

    Siddiqi, "Credit Risk Scorecards" (2006); it is the sum of both Kullback-Leibler divergences.
    Every count gets half an event more, so empty bins stay finite.

    Args:
        actual_XB: (..., B) counts, or weights, of the bins.
        expected_XB: (..., B) counts of the same bins.
    """
    a, e = (_shares(counts) for counts in (actual_XB, expected_XB))
    return np.asarray(((a - e) * np.log(a / e)).sum(-1))


def growth(now_V: ArrayLike, before_V: ArrayLike, *, alpha: float = 0.05) -> Floats:
    """Return what the share of each item has grown by, at least: a lower bound beyond chance.

    Given the events of an item in both counts, those in `now_V` are binomial, with a chance that
    says what the share has grown by. The tail is bounded by Hoeffding (JASA 1963), theorem 1, and
    alpha is shared among the items that were counted (Bonferroni), so with probability 1 - alpha
    no bound is above what it bounds.

    Args:
        now_V: (V,) counts of the items.
        before_V: (V,) counts that they are held against; where an item has another baseline, it
            is counted in the same units.
        alpha: how often any bound may be too high.

    Returns:
        (V,) ratios; 0 for an item that wasn't counted now.
    """
    now, before = np.asarray(now_V, np.float64), np.asarray(before_V, np.float64)
    both = now + before
    share = np.divide(now, both, out=np.zeros_like(now), where=both > 0)
    wanted = np.log(max(1, int((both > 0).sum())) / alpha)
    low, high = np.zeros_like(share), share
    for _ in range(HALVINGS):  # the least chance that leaves such a share possible
        chance = (low + high) / 2
        too_low = both * _divergence(share, chance) > wanted
        low, high = np.where(too_low, chance, low), np.where(too_low, high, chance)
    scale = before.sum() / max(float(now.sum()), 1e-300)
    return np.where(now > 0, low / np.maximum(1 - low, 1e-300) * scale, 0.0)


def _divergence(share: Floats, chance: Floats) -> Floats:
    """Return the Kullback-Leibler divergence of coins."""
    with np.errstate(divide="ignore", invalid="ignore"):
        heads = np.where(share > 0, share * np.log(share / chance), 0.0)
        tails = np.where(share < 1, (1 - share) * np.log((1 - share) / (1 - chance)), 0.0)
    return np.asarray(heads + tails)


def _shares(counts: ArrayLike) -> Floats:
    smoothed = np.asarray(counts, np.float64) + PRIOR
    return np.asarray(smoothed / smoothed.sum(-1, keepdims=True))


def counts_of(codes: NDArray[np.integer], size: int) -> NDArray[np.integer]:
    """Return how often each code from 0 to size - 1 occurs; negative codes aren't counted.

    Args:
        codes: of any shape.
        size: how many codes there are.
    """
    flat = codes.ravel()
    return np.bincount(flat[flat >= 0], minlength=size)


def gini(counts_V: ArrayLike) -> float:
    """Return the Gini index of counts: 0 if all are equal, towards 1 if one has everything.

    Args:
        counts_V: (V,) counts of all items that could have been counted.
    """
    ordered = np.sort(np.asarray(counts_V, np.float64))
    if ordered.sum() == 0:
        return 0.0
    place = np.arange(1, ordered.size + 1)
    return float((2 * place - ordered.size - 1) @ ordered / (ordered.size * ordered.sum()))
