"""Lists for histories, and for many users at once, streamed in batches."""

from collections.abc import Iterable, Iterator
from typing import Any

import polars as pl
import torch
from torch import Tensor

from seqrec.generator import Asker, Generator
from seqrec.shapes import EvalBatch


def made_lists(
    query: Any, batch: EvalBatch, asker: Asker, generator: Generator | None, k: int
) -> tuple[Tensor, Tensor]:
    """Return lists of `k` items with their scores, ``item_BK, score_BK``.

    Args:
        query: of the histories; the model isn't asked again for their best items.
        batch: the histories.
        asker: the model and its policy.
        generator: makes the lists; None: the best items, best first.
        k: length of the lists.
    """
    if generator is not None:
        return generator(asker, batch, k)
    ranking = asker.policy.rank(query, asker.catalogue, batch, k=k)
    return ranking.top_BK, ranking.top_score_BK


@torch.no_grad()
def top_lists(
    asker: Asker,
    batches: Iterable[EvalBatch],
    generator: Generator,
    *,
    users: pl.Series,
    items: pl.DataFrame,
    k: int,
) -> Iterator[pl.DataFrame]:
    """Yield tables of user, rank, the columns of `items`, and score.

    Each history has the generator's `k` items, in its order; a list is shorter if fewer items may
    be recommended.

    Args:
        asker: a model on the device of the batches, in evaluation mode, and its policy.
        batches: histories; their targets aren't used.
        generator: makes the lists.
        users: original ids, from index 0.
        items: the items of index 1, 2, ..., a row each.
        k: length of the lists.
    """
    for batch in batches:
        item_BK, score_BK = generator(asker, batch, k)
        row_N, column_N = (item_BK > 0).nonzero(as_tuple=True)
        item_N = item_BK[row_N, column_N].cpu().numpy() - 1
        places = {
            "user": users[batch.history.user_B[row_N].cpu().numpy()],
            "rank": (column_N + 1).to(torch.int32).cpu().numpy(),
        }
        score_N = score_BK[row_N, column_N].cpu().numpy()
        yield pl.DataFrame(places).hstack(items[item_N]).with_columns(score=pl.Series(score_N))
