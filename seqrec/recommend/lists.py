"""The best items for many users at once, streamed in batches."""

from collections.abc import Iterable, Iterator

import polars as pl
import torch
from torch import Tensor

from seqrec.model import CountedModel, SequenceModel
from seqrec.ranking.rank import rank_targets
from seqrec.shapes import EvalBatch


@torch.no_grad()
def top_lists(
    model: SequenceModel | CountedModel,
    batches: Iterable[EvalBatch],
    *,
    users: pl.Series,
    items: pl.Series,
    k: int,
    mask_seen: bool,
    candidate_V: Tensor | None,
) -> Iterator[pl.DataFrame]:
    """Tables of user, rank, item and score: of each history the `k` best items, best first.

    A user has fewer where fewer items may be recommended.

    Args:
        model: on the device of the batches, in evaluation mode.
        batches: histories; what follows them plays no part.
        users: original ids, from index 0.
        items: original ids, of index 1, 2, ...
        k: length of the lists.
        mask_seen: leave out what is in the history.
        candidate_V: items that may be recommended; None: all.
    """
    catalogue = model.catalogue()
    for batch in batches:
        ranking = rank_targets(
            model.query(batch.history, candidate_V),
            catalogue,
            batch.target_B,
            k=k,
            seen_row_P=batch.seen_row_P if mask_seen else None,
            seen_item_P=batch.seen_item_P if mask_seen else None,
            candidate_V=candidate_V,
        )
        row_N, column_N = (ranking.top_BK > 0).nonzero(as_tuple=True)
        item_N = ranking.top_BK[row_N, column_N].cpu().numpy() - 1
        yield pl.DataFrame(
            {
                "user": users[batch.history.user_B[row_N].cpu().numpy()],
                "rank": (column_N + 1).to(torch.int32).cpu().numpy(),
                "item": items[item_N],
                "score": ranking.top_score_BK[row_N, column_N].cpu().numpy(),
            }
        )
