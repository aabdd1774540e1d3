"""The best items of each query, exactly, streamed over blocks of the item table."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]
SCORES = 1 << 22  # held at once
ROWS = 1 << 18  # of the item table at once, which may have to be converted


def top_items(
    query_BD: Floats,
    table_VD: NDArray[np.floating],
    bias_V: Floats | None,
    *,
    k: int,
    allowed_V: NDArray[np.bool_],
    masked: Sequence[Ints] | None = None,
) -> tuple[Ints, Floats]:
    """Return the `k` best items of each query.

    Of items with the same score, that with the lower index comes first. A query with a component
    that isn't finite has an empty list.

    Args:
        query_BD: the queries.
        table_VD: the item table, in memory or mapped to it.
        bias_V: added to the scores; None: nothing.
        k: length of the lists.
        allowed_V: items that may be listed.
        masked: of each query, items that may not, increasing.

    Returns:
        ``(item_BK, score_BK)``, best first, filled up with 0 and -inf.
    """
    rows, v = len(query_BD), len(table_VD)
    blocked = np.flatnonzero(~allowed_V)
    lost_B = ~np.isfinite(query_BD).all(1)  # queries that nothing can be told from
    step = max(k, min(ROWS, SCORES // max(1, rows)))
    item_BK = np.zeros((rows, 0), dtype=np.int64)
    score_BK = np.zeros((rows, 0), dtype=np.float32)
    for first in range(0, v, step):
        last = min(v, first + step)
        score_BW = query_BD @ table_VD[first:last].T
        if bias_V is not None:
            score_BW += bias_V[first:last]
        score_BW[:, _within(blocked, first, last)] = -np.inf
        score_BW[lost_B] = -np.inf
        for row, items in enumerate(masked or ()):
            score_BW[row, _within(items, first, last)] = -np.inf
        best = [_best(score_W, k) for score_W in score_BW]
        item_BK = np.concatenate([item_BK, np.stack(best) + first], axis=1)
        score_BK = np.concatenate([score_BK, np.take_along_axis(score_BW, np.stack(best), 1)], 1)
        order = np.argsort(-score_BK, axis=1, kind="stable")[:, :k]
        item_BK = np.take_along_axis(item_BK, order, 1)
        score_BK = np.take_along_axis(score_BK, order, 1)
    item_BK[score_BK == -np.inf] = 0
    return item_BK, score_BK


def _within(items: Ints, first: int, last: int) -> Ints:
    """Return the places in a block of increasing indices that lie in it."""
    begin, end = np.searchsorted(items, [first, last])
    return items[begin:end] - first


def _best(score_W: Floats, k: int) -> Ints:
    """Return the places of the `k` highest scores in order, the first of equal ones."""
    k = min(k, len(score_W))
    least = np.partition(score_W, -k)[-k]
    above = np.flatnonzero(score_W > least)
    tied = np.flatnonzero(score_W == least)[: k - len(above)]
    places = np.concatenate([above, tied])
    return places[np.lexsort((places, -score_W[places]))]


def ranks(
    query_BD: Floats,
    table_VD: NDArray[np.floating],
    bias_V: Floats | None,
    target_B: Ints,
    *,
    rounding: float,
    allowed_V: NDArray[np.bool_],
    masked: Sequence[Ints] | None = None,
) -> Ints:
    """Return the rank of each query's target, from 1, as evaluation counts it.

    An item that scores the same as the target within `rounding` of ``|query| |item|`` ranks above
    it; a target that may not be listed ranks below all items.

    Args:
        query_BD, table_VD, bias_V, allowed_V, masked: see :func:`top_items`.
        target_B: the targets.
        rounding: share of ``|query| |item|`` within which two scores are equal.
    """
    rows, v = len(query_BD), len(table_VD)
    own_BD = np.asarray(table_VD[target_B], dtype=np.float32)
    least_B = (query_BD * own_BD).sum(1)
    least_B += 0 if bias_V is None else bias_V[target_B]
    least_B -= rounding * np.linalg.norm(query_BD, axis=1) * np.linalg.norm(own_BD, axis=1)
    lost_B = ~allowed_V[target_B]
    for row, items in enumerate(masked or ()):
        lost_B[row] |= target_B[row] in items
    rank_B = np.ones(rows, dtype=np.int64)
    step = max(1, SCORES // max(1, rows))
    for first in range(0, v, step):
        last = min(v, first + step)
        score_BW = query_BD @ table_VD[first:last].T
        score_BW += 0 if bias_V is None else bias_V[first:last]
        above_BW = ~(score_BW < least_B[:, None]) & allowed_V[first:last]
        for row, items in enumerate(masked or ()):
            above_BW[row, _within(items, first, last)] = False
        here = np.flatnonzero((target_B >= first) & (target_B < last))
        above_BW[here, target_B[here] - first] = False
        rank_B += above_BW.sum(1)
    return np.where(lost_B, v, rank_B)
