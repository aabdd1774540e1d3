"""Exact ranks and top lists over the whole catalogue, streamed over blocks of items."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from seqrec.contracts import Ranked

BLOCK_BYTES = 64 * 2**20  # scores held at once


@dataclass(frozen=True)
class Ranking:
    """Ranks of the targets, and the best items."""

    rank_B: Tensor  # int64, from 1
    top_BK: Tensor  # int64, the best items, best first, filled up with 0
    top_score_BK: Tensor  # float32, their scores, filled up with -inf


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

    Ties: an item that scores the same as the target, within rounding, counts as ranked above it, so
    ties never flatter a model. An item that can't be recommended (the padding id, seen items, items
    outside `candidate_V`) scores minus infinity. A target that can't be recommended is a miss: it
    ranks below all items, as does one that scores NaN.

    Args:
        query: B queries in the form that the catalogue takes.
        catalogue: scores the items.
        target_B: target item of each query.
        k: length of the top lists.
        seen_row_P: rows of the (row, item) pairs to exclude.
        seen_item_P: items of these pairs.
        candidate_V: items that may be recommended.

    Returns:
        ``1 + #{items that don't score below the target}`` and the top lists.
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
    top_BK = top_BK.masked_fill(top_score_BK == -torch.inf, 0)
    return Ranking(rank_B, top_BK, top_score_BK.float())


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
    """Rank each query's target among a few items only, with the rules of :func:`rank_targets`.

    Args:
        query, catalogue, target_B, seen_row_P, seen_item_P, candidate_V: see there.
        item_BS: int64, the items to rank the target among; 0 is ignored.

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
    """Return the lowest score that ranks above the target; -inf if it can't be recommended."""
    blocked_B = torch.zeros_like(target_B, dtype=torch.bool)
    if seen_row_P is not None and seen_item_P is not None:
        blocked_B[seen_row_P[seen_item_P == target_B[seen_row_P]]] = True
    if candidate_V is not None:
        blocked_B |= ~candidate_V[target_B]
    score_B = catalogue.score(query, target_B)
    # scores within rounding of the target's are ties
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
    """Set the scores of items that can't be recommended to minus infinity, in place."""
    if first == 0:
        score_BW[:, 0] = -torch.inf
    if candidate_V is not None:
        score_BW[:, ~candidate_V[first:last]] = -torch.inf
    if seen_row_P is not None and seen_item_P is not None:
        inside = (seen_item_P >= first) & (seen_item_P < last)
        score_BW[seen_row_P[inside], seen_item_P[inside] - first] = -torch.inf
