"""The popularity baseline, beside every result: what a model must beat to have learned."""

from torch import Tensor

from seqrec.baseline.popularity import Popularity
from seqrec.baseline.training import places
from seqrec.batches import EvalBatches
from seqrec.ranking.gain import Gain
from seqrec.ranking.metrics import RankingMetrics
from seqrec.ranking.rank import rank_targets


def evaluate_popularity(
    batches: EvalBatches,
    *,
    item_count_V: Tensor,
    gains: dict[str, Gain],
    ks: list[int],
    mask_seen: bool,
    allowed_V: Tensor | None,
) -> dict[str, float]:
    """Rank items by training events, under the same protocol as the model.

    Args:
        batches: histories and targets.
        item_count_V: training events of each item.
        gains: metrics by name.
        ks: list lengths.
        mask_seen: seen items can't be recommended.
        allowed_V: items that may be recommended; None: all.

    Returns:
        Metrics by name.
    """
    n_items = len(item_count_V) - 1
    candidates = n_items if allowed_V is None else int(allowed_V[1:].sum())
    metrics = RankingMetrics(
        gains=gains, ks=ks, item_count_V=item_count_V, n_candidates=candidates, sync=False
    )
    baseline = Popularity(n_items=n_items)
    baseline.table.fill(None, places(item_count_V))
    for batch in batches:
        device = batch.target_B.device
        ranking = rank_targets(
            baseline.query(batch.history.item_BL, batch.history.length_B),
            baseline.table.to(device),
            batch.target_B,
            k=metrics.longest,
            seen_row_P=batch.seen_row_P if mask_seen else None,
            seen_item_P=batch.seen_item_P if mask_seen else None,
            allowed_V=None if allowed_V is None else allowed_V.to(device),
        )
        metrics.update(ranking)
    return metrics.compute()
