"""The popularity baseline, reported with every result: what a model must beat."""

from collections.abc import Iterable

import torch
from torch import Tensor

from seqrec.baseline.popularity import Popularity
from seqrec.evaluation.judge import Judge, Tested
from seqrec.shapes import EvalBatch


def evaluate_popularity(
    judge: Judge, batches: Iterable[EvalBatch], *, order_V: Tensor, device: torch.device
) -> tuple[dict[str, float], Tested]:
    """Rank items by training events for the test events, under the same protocol as the model.

    Args:
        judge: judge of the test events; see :meth:`~.Judge.alone`.
        batches: all test events, or those of this process.
        order_V: places of the items by training events.
        device: where to rank.

    Returns:
        Metrics by name, and ranks and lists.
    """
    judge = judge.to(device)
    baseline = Popularity(n_items=len(order_V) - 1)
    baseline.table.fill(None, order_V)
    table = baseline.table.to(device)
    for batch in batches:
        batch = batch.to(device)
        query = baseline.query(batch.history.item_BL, batch.history.length_B)
        judge.note(query, batch, table, judge.count(query, batch, table, None))
    return judge.results(), judge.tested()
