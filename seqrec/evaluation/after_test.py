"""Test-only metrics: of the recommended lists, and of ranks among sampled negatives."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from seqrec.catalogue import Catalogue
from seqrec.contracts import Ranked
from seqrec.evaluation.judge import Judge, Tested
from seqrec.evaluation.popularity import evaluate_popularity
from seqrec.evaluation.task import Task
from seqrec.ranking.lists import Lists, Values, joined
from seqrec.ranking.popular import popular_head
from seqrec.shapes import EvalBatch


@dataclass(frozen=True)
class ListResults:
    """Metrics of a model's test, and of the popularity baseline's on the same events.

    Args:
        test: metrics by name, except those that are counted batch by batch.
        popularity: all metrics of the baseline by name.
        lists: metrics of the model's lists, with a value for each list.
        popular: ranks and lists of the baseline.
    """

    test: dict[str, float]
    popularity: dict[str, float]
    lists: dict[str, Values]
    popular: Tested


@torch.no_grad()
def evaluate_lists(
    task: Task,
    tested: Tested,
    *,
    judge: Judge,
    batches: Iterable[EvalBatch],
    catalogue: Ranked,
    device: torch.device,
) -> ListResults:
    """Compute the metrics of lists after a test, and evaluate the baseline.

    If processes share the store, all do, each for its own events.

    Args:
        task: the evaluation task.
        tested: ranks and lists of the model's test.
        judge: the judge of that test.
        batches: all test events of this process, for the baseline.
        catalogue: the model's catalogue; if it holds vectors, metrics of lists may use them.
        device: where to evaluate the baseline.
    """
    popularity, popular = evaluate_popularity(
        judge.alone(sync=task.store.peers.world > 1),
        batches,
        order_V=task.popularity,
        device=device,
    )
    vector_VD = catalogue.table_VD if isinstance(catalogue, Catalogue) else None
    lists = list_metrics(task, tested, popular, vector_VD=vector_VD)
    popular_lists = list_metrics(task, popular, popular)
    return ListResults(
        test=_means(lists) | sampled_metrics(task, tested),
        popularity=popularity | _means(popular_lists) | sampled_metrics(task, popular),
        lists=lists,
        popular=popular,
    )


def list_metrics(
    task: Task, tested: Tested, popular: Tested, *, vector_VD: Tensor | None = None
) -> dict[str, Values]:
    """Compute each metric of lists whose inputs the data has, at every length.

    Args:
        task: metrics, data and protocol.
        tested: ranks and lists.
        popular: ranks and lists of the popularity baseline.
        vector_VD: item vectors, if the model has any.
    """
    count_V, own = task.item_count_V.numpy(), task.store.own
    row, view = task.splits.test.take(tested.event_R).within(own)
    lists = Lists(
        top_RK=tested.top_RK[row],
        ks=sorted(set(task.settings.ks)),
        rank_R=tested.rank_R[row],
        popular_rank_R=popular.rank_R[row],
        view=view,
        item=np.asarray(own.item),
        count_V=count_V,
        head_V=popular_head(task.popularity.numpy(), task.splits.candidate_V),
        categories=task.categories,
        vector_VD=None if vector_VD is None else vector_VD.float().cpu().numpy(),
        items=task.store.items,
    )
    values: dict[str, Values] = {}
    for metric in task.list_metrics.values():
        if all(getattr(lists, need) is not None for need in metric.needs):
            values |= metric(lists)
    return joined(own.peers.gather(values))


def sampled_metrics(task: Task, tested: Tested) -> dict[str, float]:
    """Compute metrics of ranks among sampled negatives, ``{"sampled100_ndcg@10": ...}``."""
    if task.negatives is None or tested.sampled_rank_R is None:
        return {}
    name, rank_R = task.negatives.name, torch.from_numpy(tested.sampled_rank_R)
    return {
        f"{name}_{metric}@{k}" if gain.at_k else f"{name}_{metric}": float(
            gain(rank_R, k).double().mean()
        )
        for metric, gain in task.gains.items()
        for k in (sorted(set(task.settings.ks)) if gain.at_k else [1])
    }


def _means(values: dict[str, Values]) -> dict[str, float]:
    """Average over all lists; leave out metrics that are defined for none of them."""
    means = {name: each.mean() for name, each in values.items()}
    return {name: mean for name, mean in means.items() if mean is not None}
