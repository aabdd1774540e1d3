"""The best items for many users at once, streamed in batches."""

from collections.abc import Iterable, Iterator

import polars as pl
import torch

from seqrec.ensemble.model import AnyModel
from seqrec.ranking.policy import Policy
from seqrec.shapes import EvalBatch


@torch.no_grad()
def top_lists(
    model: AnyModel,
    batches: Iterable[EvalBatch],
    *,
    users: pl.Series,
    items: pl.DataFrame,
    k: int,
    policy: Policy,
) -> Iterator[pl.DataFrame]:
    """Yield tables of user, rank, the columns of `items`, and score.

    Each history has the `k` best items, best first; a list is shorter if fewer items may be
    recommended.

    Args:
        model: on the device of the batches, in evaluation mode.
        batches: histories; their targets aren't used.
        users: original ids, from index 0.
        items: the items of index 1, 2, ..., a row each.
        k: length of the lists.
        policy: what may be recommended, and in which order.
    """
    catalogue = model.catalogue()
    for batch in batches:
        query = model.query(batch.history, policy.candidate_V)
        ranking = policy.rank(query, catalogue, batch, k=k)
        row_N, column_N = (ranking.top_BK > 0).nonzero(as_tuple=True)
        item_N = ranking.top_BK[row_N, column_N].cpu().numpy() - 1
        places = {
            "user": users[batch.history.user_B[row_N].cpu().numpy()],
            "rank": (column_N + 1).to(torch.int32).cpu().numpy(),
        }
        score_N = ranking.top_score_BK[row_N, column_N].cpu().numpy()
        yield pl.DataFrame(places).hstack(items[item_N]).with_columns(score=pl.Series(score_N))
