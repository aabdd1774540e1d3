"""The popular head of a catalogue; the rest is the long tail."""

import numpy as np
from numpy.typing import NDArray

from seqrec.ranking.lists import Bools

HEAD = 0.2  # share of the candidates, those with the most training events


def popular_head(order_V: NDArray[np.floating], candidate_V: Bools | None) -> Bools:
    """Return a mask of the popular head: a fifth of the candidates, at least one.

    Args:
        order_V: places of the items by training events, as the popularity baseline ranks them; see
            :func:`~seqrec.counts.training.popularity_order`.
        candidate_V: items that may be recommended; None: all of them.
    """
    may_V = np.ones(len(order_V), dtype=bool) if candidate_V is None else candidate_V.copy()
    may_V[0] = False
    order = np.argsort(np.where(may_V, -order_V, 1), kind="stable")
    head_V = np.zeros(len(order_V), dtype=bool)
    head_V[order[: max(1, int(HEAD * may_V.sum()))]] = True
    return head_V
