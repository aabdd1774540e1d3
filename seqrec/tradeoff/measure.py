"""A run's lists in the order of many rerankers: one pass over the events, no training."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Literal

import torch

from seqrec.contracts import Reranker
from seqrec.evaluation.after_test import list_metrics
from seqrec.evaluation.judge import Judge, Tested
from seqrec.evaluation.popularity import evaluate_popularity
from seqrec.evaluation.slices import slice_metrics
from seqrec.evaluation.tables import judged_events
from seqrec.evaluation.task import Task
from seqrec.shapes import EvalBatch
from seqrec.training.evaluated import EvaluatedModule

Metrics = dict[str, float]


@torch.no_grad()
def measure(
    module: EvaluatedModule,
    rerankers: Sequence[Reranker | None],
    *,
    split: Literal["valid", "test"],
    tick: Callable[[int], None],
) -> list[Metrics]:
    """Return what the lists of held-out events are like with each reranker.

    Each batch is scored once, and each reranker orders the same items.

    Args:
        module: a trained run, over its data.
        rerankers: rerankers; None: the order of the model.
        split: the held-out events.
        tick: is told how many events are done.

    Returns:
        For each reranker the metrics at the k of ``evaluation.monitor``: of ranks, of all lists,
        those of each list, ``similarity@k`` (1 - diversity), and the gaps of
        :func:`~seqrec.evaluation.slices.slice_metrics`.
    """
    task = _task(module, split)
    k, model = task.k, module.model.eval()
    judges = [task.judge(reranker=reranker).to(module.device) for reranker in rerankers]
    deepest = max([k, *(reranker.depth for reranker in rerankers if reranker is not None)])
    deepest = min(deepest, task.store.n_items)
    batches = module.eval_batches(task.splits.test)
    catalogue = model.catalogue()
    for batch in _on(batches, module.device, tick):
        policy = judges[0].policy
        query = model.query(batch.history, policy.candidate_V)
        ranking = policy.by_score().rank(query, catalogue, batch, k=deepest)
        for judge in judges:
            own = judge.policy.reordered(ranking, catalogue, batch, k=k)
            judge.ranking.update(own)
            judge.note(query, batch, catalogue, own)
    table = getattr(catalogue, "table_VD", None)
    alone = judges[0].alone()
    _, popular = evaluate_popularity(alone, batches, order_V=task.popularity, device=module.device)
    return [_metrics(task, judge, popular, table) for judge in judges]


def _task(module: EvaluatedModule, split: Literal["valid", "test"]) -> Task:
    """Return the run's task, of which these events are the test, at one length of lists."""
    task = module.task
    return replace(
        task,
        splits=replace(task.splits, test=getattr(task.splits, split)),
        settings=replace(task.settings, ks=[task.k]),
        negatives=None,
    )


def _on(
    batches: Iterable[EvalBatch], device: torch.device, tick: Callable[[int], None] | None = None
) -> Iterable[EvalBatch]:
    done = 0
    for batch in batches:
        yield batch.to(device)
        done += len(batch.target_B)
        if tick is not None:
            tick(done)


def _metrics(task: Task, judge: Judge, popular: Tested, table_VD: torch.Tensor | None) -> Metrics:
    tested = judge.tested()
    lists = list_metrics(task, tested, popular, vector_VD=table_VD)
    means = {name: mean for name, each in lists.items() if (mean := each.mean()) is not None}
    for name in ("diversity", "vector_diversity"):
        if f"{name}@{task.k}" in means:
            means[f"similarity@{task.k}"] = 1 - means[f"{name}@{task.k}"]
    sliced = slice_metrics(judged_events(task, tested, popular), task.gains, task.k, lists)
    gaps = {name: value for name, value in sliced.items() if name.startswith("gaps/")}
    return judge.results() | means | gaps
