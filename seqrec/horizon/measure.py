"""How well lists of n items foretell the next n events, and what the lists are like."""

from collections.abc import Iterable
from dataclasses import dataclass
from time import perf_counter

import numpy as np
import torch
from numpy.typing import NDArray

from seqrec.catalogue import Catalogue
from seqrec.comparison.estimate.statistics import interval, resampled_sums
from seqrec.evaluation.task import Task
from seqrec.generator import Asker, Generator
from seqrec.horizon.protocol import NextEvents
from seqrec.list_metric.diversity import between_sets, between_vectors, mean_distance
from seqrec.ranking.lists import Floats, Lists
from seqrec.ranking.metrics import about_lists
from seqrec.shapes import EvalBatch

REPLICATES = 2000


@dataclass(frozen=True)
class Measured:
    """What one generator's lists are worth.

    Args:
        value_R: the value of each user's list by metric: ``ndcg``, ``recall``, ``hit_rate``.
        hit_H: share of the users with an h-th next event whose list has its item anywhere; NaN
            where nobody has one.
        about: ``coverage`` of the candidates, and ``similarity`` of a list's items, one minus the
            mean distance of its pairs: by the items' categories, or else by the model's vectors.
        seconds: to make all lists.
        item_Rn: the lists.
    """

    value_R: dict[str, Floats]
    hit_H: Floats
    about: dict[str, float]
    seconds: float
    item_Rn: NDArray[np.int64]

    def mean(self, metric: str) -> float:
        """Return the mean over all users."""
        return float(self.value_R[metric].mean())


@torch.no_grad()
def measure(
    generator: Generator,
    asker: Asker,
    batches: Iterable[EvalBatch],
    events: NextEvents,
    task: Task,
) -> Measured:
    """Make a list of H items for each history, and hold it to the next H events.

    Args:
        generator: makes the lists.
        asker: the model and its policy, on the device of the batches.
        batches: the histories of `events`.
        events: what followed them.
        task: counts and categories of the items.
    """
    users, horizon = events.item_RH.shape
    item_Rn = np.zeros((users, horizon), dtype=np.int64)
    start = perf_counter()
    for batch in batches:
        item_Bn, _ = generator(asker, batch, horizon)
        item_Rn[batch.event_B.cpu().numpy()] = item_Bn.cpu().numpy()
    seconds = perf_counter() - start
    values, hit_H = worth(item_Rn, events.item_RH)
    return Measured(values, hit_H, _about(item_Rn, asker, events, task), seconds, item_Rn)


def worth(
    item_Rn: NDArray[np.int64], next_RH: NDArray[np.int64]
) -> tuple[dict[str, Floats], Floats]:
    """Return the worth of lists by metric, and how often the h-th next event is in them.

    Of the T distinct items of a user's next events, the recall is the share that the list has, and
    the hit rate whether it has any. NDCG adds ``1 / log2(place + 1)`` for each of them in the list,
    over the most that T items can give (Järvelin and Kekäläinen 2002, binary relevance).

    Args:
        item_Rn: lists, best first; 0 where they are shorter.
        next_RH: the items of the next events; 0: none.
    """
    there_RH = next_RH > 0
    same_RHn = (next_RH[:, :, None] == item_Rn[:, None]) & there_RH[:, :, None]
    hit_RH = same_RHn.any(2)
    gain_n = 1 / np.log2(np.arange(item_Rn.shape[1]) + 2)
    most_T = np.cumsum(1 / np.log2(np.arange(next_RH.shape[1]) + 2))
    number_R = there_RH.sum(1)
    values = {
        "ndcg": (same_RHn @ gain_n).sum(1) / most_T[number_R - 1],
        "recall": hit_RH.sum(1) / number_R,
        "hit_rate": hit_RH.any(1).astype(np.float64),
    }
    with np.errstate(invalid="ignore"):
        return values, hit_RH.sum(0) / there_RH.sum(0)


def difference(one: Measured, other: Measured, metric: str) -> tuple[float, float, float]:
    """Return how much more `one` is worth than `other`, and its 95 % interval over users.

    Users are drawn for both at once (paired bootstrap).
    """
    apart_R = one.value_R[metric] - other.value_R[metric]
    sums = resampled_sums(np.stack([apart_R, np.ones_like(apart_R)], axis=1), replicates=REPLICATES)
    low, high = interval(sums[:, :1] / sums[:, 1:])
    return float(apart_R.mean()), float(low[0]), float(high[0])


def _about(
    item_Rn: NDArray[np.int64], asker: Asker, events: NextEvents, task: Task
) -> dict[str, float]:
    """Describe the lists."""
    listed_V = torch.bincount(torch.from_numpy(item_Rn).flatten(), minlength=len(asker.catalogue))
    candidate_V = task.splits.candidate_V
    candidates = len(listed_V) - 1 if candidate_V is None else int(candidate_V.sum())
    about = {"coverage": about_lists(listed_V, task.item_count_V, candidates)["coverage"]}
    rank_R = np.ones(len(item_Rn), dtype=np.int64)  # no distance looks at ranks
    lists = Lists(
        top_RK=item_Rn,
        ks=[item_Rn.shape[1]],
        rank_R=rank_R,
        popular_rank_R=rank_R,
        view=events.view,
        item=np.asarray(task.store.item),
        count_V=task.item_count_V.numpy(),
        head_V=task.item_count_V.numpy() > 0,
    )
    if task.categories is not None:
        distance, width = between_sets(task.categories), task.categories.code_VM.shape[1]
    elif isinstance(asker.catalogue, Catalogue):
        vector_VD = asker.catalogue.table_VD.float().cpu().numpy()
        distance, width = between_vectors(vector_VD), vector_VD.shape[1]
    else:
        return about
    for values in mean_distance("distance", lists, distance, width=width).values():
        mean = values.mean()
        about |= {} if mean is None else {"similarity": 1 - mean}
    return about
