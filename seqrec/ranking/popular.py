"""The popular head of a catalogue; the rest is the long tail."""

import numpy as np
import torch
from numpy.typing import NDArray

from seqrec.counts.training import popularity_order
from seqrec.ranking.lists import Bools

HEAD = 0.2  # share of the candidates, those with the most training events


def popular_head(count_V: NDArray[np.integer], candidate_V: Bools | None) -> Bools:
    """Return a mask of the popular head: a fifth of the candidates, at least one.

    Ties of equal counts are broken as in the popularity baseline.

    Args:
        count_V: training events of each item.
        candidate_V: items that may be recommended; None: all of them.
    """
    place_V = popularity_order(torch.from_numpy(count_V)).numpy().astype(np.int64)
    may_V = np.ones(len(count_V), dtype=bool) if candidate_V is None else candidate_V.copy()
    may_V[0] = False
    order = np.argsort(np.where(may_V, -place_V, 1), kind="stable")
    head_V = np.zeros(len(count_V), dtype=bool)
    head_V[order[: max(1, int(HEAD * may_V.sum()))]] = True
    return head_V
