"""Exact ranks by counted scores, without the scores of the items that nothing is counted for.

In one query all but a few items score by popularity alone, which orders them alike in every query.
So the few are scored one by one, and the order of popularity tells where the others stand.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from seqrec.counts.table import Rows, Table

WORTH = 16  # items that a dense ranking takes in the time of one entry here


@dataclass(frozen=True)
class Order:
    """The C items that may be recommended, by popularity.

    Args:
        item_C: the items, the most popular first.
        base_C: their popularity.
        place_V: place of each item in this order, from 0; C: it may not be recommended.
    """

    item_C: Tensor
    base_C: Tensor
    place_V: Tensor

    @classmethod
    def of(cls, table: Table, candidate_V: Tensor | None) -> "Order":
        """Return the order of all items, or of the candidates."""
        base_V = table.popularity(slice(0, len(table)))
        item_C = base_V.argsort(descending=True, stable=True)
        item_C = item_C[item_C > 0]
        if candidate_V is not None:
            item_C = item_C[candidate_V[item_C]]
        place_V = torch.full_like(base_V, len(item_C), dtype=torch.int64)
        place_V[item_C] = torch.arange(len(item_C), device=item_C.device)
        return cls(item_C, base_V[item_C], place_V)

    def not_below(self, base_B: Tensor, least_B: Tensor) -> Tensor:
        """Count the items whose popularity, times `base_B`, isn't below `least_B`, by bisection."""
        low_B = torch.zeros_like(least_B, dtype=torch.int64)
        high_B = torch.full_like(low_B, len(self.item_C))
        for _ in range(len(self.item_C).bit_length()):
            middle_B = (low_B + high_B) // 2
            score_B = base_B * self.base_C[middle_B.clamp(max=len(self.item_C) - 1)]
            more_B = (score_B >= least_B) & (low_B < high_B)
            low_B = torch.where(more_B, middle_B + 1, low_B)
            high_B = torch.where(more_B, high_B, middle_B)
        return low_B


@dataclass(frozen=True)
class Few:
    """The U items of all rows that are scored one by one, by row and then by popularity.

    Args:
        row_U: row of the batch, int64.
        turn_U: place of the item among those of its row, int64 from 0.
        place_U: its place among all candidates, int64 from 0.
        base_U: its score by popularity alone.
        score_U: its score.
        seen_U: whether it may not be recommended to this row.
        target_U: whether it is the target of this row.
    """

    row_U: Tensor
    turn_U: Tensor
    place_U: Tensor
    base_U: Tensor
    score_U: Tensor
    seen_U: Tensor
    target_U: Tensor

    @classmethod
    def of(
        cls,
        order: Order,
        base_B: Tensor,
        entries: tuple[Tensor, Tensor, Tensor],
        seen: tuple[Tensor, Tensor],
        target_B: Tensor,
    ) -> "Few":
        """Take the candidates with entries, those of the histories, and the targets, each once."""
        (row_P, item_P, weight_P), rows, number = entries, len(target_B), len(order.item_C)
        row_N = torch.cat([row_P, seen[0], torch.arange(rows, device=target_B.device)])
        place_N = order.place_V[torch.cat([item_P, seen[1], target_B])]
        key_N = torch.where(place_N < number, row_N * number + place_N, rows * number)
        key_U, unit_N = key_N.unique(return_inverse=True)
        row_U, place_U = key_U // number, key_U % number
        base_U = torch.cat([base_B, base_B[:1]])[row_U] * order.base_C[place_U]
        score_U = base_U.index_add(0, unit_N[: len(row_P)], weight_P)
        seen_U = torch.zeros_like(key_U, dtype=torch.bool)
        target_U = seen_U.clone()
        seen_U[unit_N[len(row_P) : -rows]] = True
        target_U[unit_N[-rows:]] = True
        each_B = row_U.bincount(minlength=rows + 1)
        turn_U = torch.arange(len(key_U), device=key_U.device) - (each_B.cumsum(0) - each_B)[row_U]
        kept = int((key_U < rows * number).sum())  # without those that are no candidates
        values = (row_U, turn_U, place_U, base_U, score_U, seen_U, target_U)
        return cls(*(value[:kept] for value in values))


def rank_sparse(
    query: Rows,
    table: Table,
    target_B: Tensor,
    least_B: Tensor,
    *,
    k: int,
    seen_row_P: Tensor | None,
    seen_item_P: Tensor | None,
    candidate_V: Tensor | None,
) -> tuple[Tensor, Tensor, Tensor] | None:
    """Return what a dense ranking would; None where that takes less time.

    Args:
        query, table, target_B, k, seen_row_P, seen_item_P, candidate_V: see
            :func:`~seqrec.ranking.rank.rank_targets`.
        least_B: lowest score that ranks above the target; -inf if it can't be recommended.

    Returns:
        ``rank_B``, ``top_BK`` and ``top_score_BK``.
    """
    entries, v = table.entries(query), len(table)
    if len(entries[0]) * WORTH > len(target_B) * v or (query.base_B < 0).any():
        return None
    order = Order.of(table, candidate_V)
    if not len(order.item_C):
        return None
    seen = (target_B[:0], target_B[:0])
    if seen_row_P is not None and seen_item_P is not None:
        seen = (seen_row_P, seen_item_P)
    few = Few.of(order, query.base_B, entries, seen, target_B)
    rank_B = _ranks(few, order, query.base_B, least_B)
    rank_B = torch.where(least_B == -torch.inf, v, rank_B)
    return rank_B, *_lists(few, order, query.base_B, min(k, v))


def _ranks(few: Few, order: Order, base_B: Tensor, least_B: Tensor) -> Tensor:
    """Count the items that don't score below `least_B`, from 1."""
    least_U = least_B[few.row_U]
    above_U = (few.score_U >= least_U) & ~few.seen_U & ~few.target_U
    more_U = above_U.long() - (few.base_U >= least_U).long()  # than popularity alone
    return 1 + order.not_below(base_B, least_B).index_add(0, few.row_U, more_U)


def _lists(few: Few, order: Order, base_B: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """Return the best `k` items of each row, and their scores, filled up with 0 and -inf."""
    rows, number = len(base_B), len(order.item_C)
    # before the j-th of the other items lie the few whose place, less their turn, is at most j
    before_U = (few.place_U - few.turn_U).clamp(max=k)
    before_BK = (few.row_U * (k + 1) + before_U).bincount(minlength=rows * (k + 1))
    before_BK = before_BK.view(rows, k + 1)[:, :k].cumsum(1)
    place_BK = before_BK + torch.arange(k, device=base_B.device)
    inside_BK = place_BK < number
    place_BK = place_BK.clamp(max=number - 1)
    score_BK = (base_B[:, None] * order.base_C[place_BK]).masked_fill(~inside_BK, -torch.inf)
    most = int(few.turn_U.max()) + 1 if len(few.turn_U) else 0
    score_BM = score_BK.new_full((rows, most), -torch.inf)
    item_BM = place_BK.new_zeros((rows, most))
    score_BM[few.row_U, few.turn_U] = few.score_U.masked_fill(few.seen_U, -torch.inf)
    item_BM[few.row_U, few.turn_U] = order.item_C[few.place_U]
    score_BK, best_BK = torch.cat([score_BK, score_BM], dim=1).topk(k, dim=1)
    item_BK = torch.cat([order.item_C[place_BK], item_BM], dim=1).gather(1, best_BK)
    return item_BK.masked_fill(score_BK == -torch.inf, 0), score_BK
