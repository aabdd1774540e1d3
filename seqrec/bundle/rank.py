"""The best items of each query, exactly, streamed over blocks of the item table."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]
SCORES = 1 << 22  # held at once


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

    Of items with the same score, that with the lower index comes first. An item whose score isn't a
    number is never listed.

    Args:
        query_BD: the queries.
        table_VD: the item table, in memory or mapped to it.
        bias_V: added to the scores; None: nothing.
        k: length of the lists.
        allowed_V: items that may be listed.
        masked: of each query, items that may not.

    Returns:
        ``(item_BK, score_BK)``, best first, filled up with 0 and -inf.
    """
    rows, v = len(query_BD), len(table_VD)
    step = max(k, SCORES // max(1, rows))
    item_BK = np.zeros((rows, 0), dtype=np.int64)
    score_BK = np.zeros((rows, 0), dtype=np.float32)
    for first in range(0, v, step):
        last = min(v, first + step)
        score_BW = query_BD @ table_VD[first:last].T
        if bias_V is not None:
            score_BW += bias_V[first:last]
        score_BW[:, ~allowed_V[first:last]] = -np.inf
        for row, items in enumerate(masked or ()):
            score_BW[row, items[(items >= first) & (items < last)] - first] = -np.inf
        np.nan_to_num(score_BW, copy=False, nan=-np.inf, posinf=np.inf, neginf=-np.inf)
        best = [_best(score_W, k) for score_W in score_BW]
        item_BK = np.concatenate([item_BK, np.stack(best) + first], axis=1)
        score_BK = np.concatenate([score_BK, np.take_along_axis(score_BW, np.stack(best), 1)], 1)
        order = np.argsort(-score_BK, axis=1, kind="stable")[:, :k]
        item_BK = np.take_along_axis(item_BK, order, 1)
        score_BK = np.take_along_axis(score_BK, order, 1)
    item_BK[score_BK == -np.inf] = 0
    return item_BK, score_BK


def _best(score_W: Floats, k: int) -> Ints:
    """Return the places of the `k` highest scores in order, the first of equal ones."""
    k = min(k, len(score_W))
    least = np.partition(score_W, -k)[-k]
    above = np.flatnonzero(score_W > least)
    tied = np.flatnonzero(score_W == least)[: k - len(above)]
    places = np.concatenate([above, tied])
    return places[np.lexsort((places, -score_W[places]))]
