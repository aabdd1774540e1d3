"""Who is shown: popular items or the long tail, and as popular ones as users choose themselves."""

import numpy as np
import torch
from numpy.typing import NDArray

from seqrec.beyond.values import Bools, Values
from seqrec.counts.training import places
from seqrec.store.views import View

HEAD = 0.2  # of the candidates, those with the most training events


def popular_head(count_V: NDArray[np.integer], candidate_V: Bools | None) -> Bools:
    """Which items are the popular head: a fifth of the candidates, one at least; the rest is tail.

    Equal counts are told apart as the popularity baseline does.

    Args:
        count_V: training events of each item.
        candidate_V: items that may be recommended; None: all but the padding.
    """
    place_V = places(torch.from_numpy(count_V)).numpy().astype(np.int64)
    may_V = np.ones(len(count_V), dtype=bool) if candidate_V is None else candidate_V.copy()
    may_V[0] = False
    order = np.argsort(np.where(may_V, -place_V, 1), kind="stable")
    head_V = np.zeros(len(count_V), dtype=bool)
    head_V[order[: max(1, int(HEAD * may_V.sum()))]] = True
    return head_V


def exposure(
    top_RK: NDArray[np.integer],
    ks: list[int],
    head_V: Bools,
    *,
    count_V: NDArray[np.integer],
    item: NDArray[np.integer],
    view: View,
) -> dict[str, Values]:
    """How the places of lists are shared between head and tail, against what users did.

    ``tail_share``: of a list's items, those of the tail (APLT of Abdollahpouri et al. 2019,
    "Managing popularity bias in recommender systems with personalized re-ranking", FLAIRS).
    ``exposure_gap``: the head's share of a list minus its share of the training events, so 0 where
    exposure is proportional to them, as fairness of exposure asks for (Singh and Joachims 2018;
    Ekstrand et al. 2022). ``popularity_ratio``: the mean popularity of lists over that of
    histories, ``GAP_r / GAP_p``, which is 1 plus the delta-GAP of Abdollahpouri et al. 2019, "The
    unfairness of popularity bias in recommendation"; an item's popularity are its training events.

    Args:
        top_RK: the lists; 0 where they are shorter. An empty one isn't counted.
        ks: list lengths.
        head_V: see :func:`popular_head`.
        count_V: training events of each item.
        item: of the store's events.
        view: the history of each list.

    Returns:
        ``{"tail_share@10": ...}``.
    """
    head_events = count_V[head_V].sum() / count_V[1:].sum()
    running = np.concatenate([[0], np.cumsum(count_V[item], dtype=np.int64)])
    chosen_R = (running[view.end] - running[view.start]) / (view.end - view.start)
    results = {}
    for k in ks:
        top = top_RK[:, :k]
        length_R = (top > 0).sum(1)
        filled_R = np.where(length_R > 0, length_R, np.nan)
        head_R = head_V[top].sum(1) / filled_R
        listed_R = np.where(top > 0, count_V[top], 0).sum(1) / filled_R
        known_R = length_R > 0
        results[f"tail_share@{k}"] = Values.of(1 - head_R)
        results[f"exposure_gap@{k}"] = Values.of(head_R - head_events)
        results[f"popularity_ratio@{k}"] = Values(
            np.where(known_R, listed_R, 0.0), np.where(known_R, chosen_R, 0.0)
        )
    return results
