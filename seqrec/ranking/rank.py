"""Exact ranks and top lists over the whole catalogue, streamed over blocks of items."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from seqrec.contracts import Ranked

BLOCK_BYTES = 64 * 2**20  # scores held at once


@dataclass(frozen=True)
class Ranking:
    """Where targets stand, and what stands first."""

    rank_B: Tensor  # int64, from 1
    top_BK: Tensor  # int64, the best items, best first; 0 where there are fewer than K
    top_score_BK: Tensor  # float32, their scores; -inf where there are fewer


def rank_targets(
    query: Any,
    catalogue: Ranked,
    target_B: Tensor,
    *,
    k: int,
    seen_row_P: Tensor | None = None,
    seen_item_P: Tensor | None = None,
    candidate_V: Tensor | None = None,
) -> Ranking:
    """Rank each query's target among all items, and list the best `k`.

    The stated policy for ties: an item that scores the same as the target, within float32
    rounding, counts as ranked above it, so ties never flatter a model. An item that can't be
    recommended (the padding id, seen items, items outside `candidate_V`) scores minus infinity. A
    target that can't be recommended is a miss: it ranks below all items, as does one that scores
    NaN.

    Args:
        query: B queries, as the catalogue takes them.
        catalogue: what they are scored against.
        target_B: item to find for each query.
        k: length of the top list.
        seen_row_P: rows of the (row, item) pairs to leave out.
        seen_item_P: items of the pairs.
        candidate_V: items that may be recommended.

    Returns:
        ``1 + #{items that don't score below the target}`` and the top lists; all in float32.
    """
    least_B = _least(query, catalogue, target_B, seen_row_P, seen_item_P, candidate_V)
    rows, v = torch.arange(len(target_B), device=target_B.device), len(catalogue)
    rank_B = torch.ones_like(target_B)
    top_score_BK = least_B.new_full((len(target_B), 0), -torch.inf)
    top_BK = target_B.new_zeros((len(target_B), 0))
    width = max(k, BLOCK_BYTES // (4 * max(1, len(target_B))))
    for first in range(0, v, width):
        last = min(v, first + width)
        score_BW = catalogue.block(query, first, last)
        _block(score_BW, first, last, seen_row_P, seen_item_P, candidate_V)
        here = ((target_B >= first) & (target_B < last)).nonzero().squeeze(1)
        above_BW = ~(score_BW < least_B[:, None])
        above_BW[rows[here], target_B[here] - first] = False
        rank_B += above_BW.sum(1)
        best = score_BW.masked_fill_(score_BW.isnan(), -torch.inf).topk(min(k, last - first), dim=1)
        top_score_BK = torch.cat([top_score_BK, best.values], dim=1)
        top_BK = torch.cat([top_BK, best.indices + first], dim=1)
        top_score_BK, order = top_score_BK.topk(min(k, top_score_BK.shape[1]), dim=1)
        top_BK = top_BK.gather(1, order)
    return Ranking(rank_B, top_BK.masked_fill(top_score_BK == -torch.inf, 0), top_score_BK)


def rank_among(
    query: Any,
    catalogue: Ranked,
    target_B: Tensor,
    item_BS: Tensor,
    *,
    seen_row_P: Tensor | None = None,
    seen_item_P: Tensor | None = None,
    candidate_V: Tensor | None = None,
) -> Tensor:
    """Rank each query's target among a few items only, with the policy of :func:`rank_targets`.

    Args:
        query, catalogue, target_B, seen_row_P, seen_item_P, candidate_V: as there.
        item_BS: int64, what the target is told from; 0: nothing.

    Returns:
        ``rank_B``, int64 from 1.
    """
    least_B = _least(query, catalogue, target_B, seen_row_P, seen_item_P, candidate_V)
    above_BS = ~(catalogue.score(query, item_BS) < least_B[:, None])
    return 1 + (above_BS & (item_BS > 0)).sum(1)


def _least(
    query: Any,
    catalogue: Ranked,
    target_B: Tensor,
    seen_row_P: Tensor | None,
    seen_item_P: Tensor | None,
    candidate_V: Tensor | None,
) -> Tensor:
    """The lowest score that counts as ranked above the target; what can't be found has none."""
    blocked_B = torch.zeros_like(target_B, dtype=torch.bool)
    if seen_row_P is not None and seen_item_P is not None:
        blocked_B[seen_row_P[seen_item_P == target_B[seen_row_P]]] = True
    if candidate_V is not None:
        blocked_B |= ~candidate_V[target_B]
    score_B = catalogue.score(query, target_B)
    # what is nearer to the target's score than two sums may lie apart is a tie
    least_B = score_B - catalogue.rounding(query, target_B, score_B)
    return least_B.masked_fill(blocked_B, -torch.inf)


def _block(
    score_BW: Tensor,
    first: int,
    last: int,
    seen_row_P: Tensor | None,
    seen_item_P: Tensor | None,
    candidate_V: Tensor | None,
) -> None:
    """Set what can't be recommended to minus infinity, in place."""
    if first == 0:
        score_BW[:, 0] = -torch.inf
    if candidate_V is not None:
        score_BW[:, ~candidate_V[first:last]] = -torch.inf
    if seen_row_P is not None and seen_item_P is not None:
        inside = (seen_item_P >= first) & (seen_item_P < last)
        score_BW[seen_row_P[inside], seen_item_P[inside] - first] = -torch.inf
