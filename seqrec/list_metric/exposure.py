"""Exposure of popular items and the long tail, compared with users' own choices."""

from typing import ClassVar

import numpy as np

from seqrec.ranking.lists import Lists, Values


class Exposure:
    """The exposure of head and tail in lists, compared with the events.

    ``tail_share``: the share of tail items in a list (APLT of Abdollahpouri et al. 2019,
    "Managing popularity bias in recommender systems with personalized re-ranking", FLAIRS).
    ``exposure_gap``: the head's share of a list minus its share of the training events, so 0 if
    exposure is proportional to them, as fairness of exposure demands (Singh and Joachims 2018;
    Ekstrand et al. 2022). ``popularity_ratio``: the mean popularity of lists over that of
    histories, ``GAP_r / GAP_p``, which is 1 plus the delta-GAP of Abdollahpouri et al. 2019, "The
    unfairness of popularity bias in recommendation"; an item's popularity is its number of training
    events. An empty list isn't counted.
    """

    needs: ClassVar[tuple[str, ...]] = ()

    def __call__(self, lists: Lists) -> dict[str, Values]:
        """Return ``{"tail_share@10": ..., "exposure_gap@10": ..., "popularity_ratio@10": ...}``."""
        count_V, head_V, view = lists.count_V, lists.head_V, lists.view
        head_events = count_V[head_V].sum() / count_V[1:].sum()
        running = np.concatenate([[0], np.cumsum(count_V[lists.item], dtype=np.int64)])
        chosen_R = (running[view.end] - running[view.start]) / (view.end - view.start)
        results = {}
        for k in lists.ks:
            top = lists.top_RK[:, :k]
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
