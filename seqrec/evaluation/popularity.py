"""The popularity baseline, beside every result: what a model must beat to have learned."""

from seqrec.baseline.popularity import Popularity
from seqrec.counts.training import places
from seqrec.evaluation.evaluated import Evaluated
from seqrec.evaluation.judge import Judge, Tested


def evaluate_popularity(module: Evaluated) -> tuple[dict[str, float], Tested]:
    """Rank items by training events for the test events, under the same protocol as the model.

    Args:
        module: whose events and protocol; this process alone evaluates all of them.

    Returns:
        Metrics by name, and the ranks and lists.
    """
    count_V = module.facts.item_count_V
    assert count_V is not None
    judge = Judge(**module.judged_by, sync=False).to(module.device)
    baseline = Popularity(n_items=len(count_V) - 1)
    baseline.table.fill(None, places(count_V))
    table = baseline.table.to(module.device)
    for batch in module.eval_batches(module.splits.test):
        batch = batch.to(module.device)
        query = baseline.query(batch.history.item_BL, batch.history.length_B)
        judge.note(query, batch, table, judge.count(query, batch, table, None))
    results = {key.partition("/")[2]: value for key, value in judge.results("test").items()}
    return results, judge.tested()
