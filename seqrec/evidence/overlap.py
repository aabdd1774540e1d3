"""How alike two ranked lists are: rank-biased overlap."""

import numpy as np
from numpy.typing import NDArray

Codes = NDArray[np.integer]
Floats = NDArray[np.float64]
CELLS = 1 << 24  # pairs of places that are compared at once


def rbo(one_NK: Codes, two_NK: Codes, *, p: float = 0.9) -> Floats:
    """Return the extrapolated rank-biased overlap of each pair of lists, from 0 to 1.

    Webber, Moffat, Zobel, "A similarity measure for indefinite rankings" (TOIS 2010), equation 32,
    which is for lists of unequal lengths, too. Two empty lists are alike, one empty list has
    nothing in common with another.

    Args:
        one_NK: a list a row, best first, each item at most once; negative codes at its end are
            no items.
        two_NK: the lists to compare with, of the same shape.
        p: how far a reader reads: the chance of going on after each place, above 0 and below 1.
    """
    step = max(1, CELLS // max(1, one_NK.shape[1] ** 2))
    parts = [
        _rbo(one_NK[at : at + step], two_NK[at : at + step], p)
        for at in range(0, len(one_NK), step)
    ]
    return np.concatenate(parts) if parts else np.zeros(0)


def _rbo(one_NK: Codes, two_NK: Codes, p: float) -> Floats:
    k = one_NK.shape[1]
    depth_K = np.arange(1, k + 1)
    same_NKK = (one_NK[:, :, None] == two_NK[:, None, :]) & (one_NK >= 0)[:, :, None]
    deeper_KK = np.maximum.outer(depth_K, depth_K)  # the depth from which a pair is in both
    within_DKK = deeper_KK.ravel() <= depth_K[:, None]
    common_ND = same_NKK.reshape(-1, k * k).astype(np.float64) @ within_DKK.T  # X_d
    lengths = np.stack([(one_NK >= 0).sum(1), (two_NK >= 0).sum(1)])
    short_N, long_N = lengths.min(0), lengths.max(0)
    at_short_N = _at(common_ND, short_N)
    at_long_N = _at(common_ND, long_N)
    s_N = np.maximum(short_N, 1)
    beyond_ND = np.clip(depth_K - short_N[:, None], 0, None) * (at_short_N / s_N)[:, None]
    read_ND = (depth_K <= long_N[:, None]) * p**depth_K / depth_K
    seen_N = ((common_ND + beyond_ND) * read_ND).sum(1)
    last_N = (at_long_N - at_short_N) / np.maximum(long_N, 1) + at_short_N / s_N
    value_N = (1 - p) / p * seen_N + last_N * p**long_N
    return np.where(long_N == 0, 1.0, value_N)


def _at(common_ND: Floats, length_N: NDArray[np.integer]) -> Floats:
    """Return the items in common at a depth; none at depth 0."""
    found = np.take_along_axis(common_ND, np.maximum(length_N - 1, 0)[:, None], 1)[:, 0]
    return np.where(length_N > 0, found, 0.0)
