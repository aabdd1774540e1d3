"""Exact ranks and top lists over the whole catalogue, streamed over blocks of items."""

import math
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from seqrec.contracts import Ranked
from seqrec.counts.table import Table
from seqrec.layers.exchange import gather, hand_out, lengths_of
from seqrec.layers.shard import Shard
from seqrec.layers.sharded_catalogue import ShardedCatalogue
from seqrec.ranking.sparse import rank_sparse

BLOCK_BYTES = 64 * 2**20  # scores held at once
CPU_BYTES = 8 * 2**20  # on a CPU, so that they are still in its cache when they are compared


@dataclass(frozen=True)
class Ranking:
    """Ranks of the targets, and the best items."""

    rank_B: Tensor  # int64, from 1
    top_BK: Tensor  # int64, the best items, best first, filled up with 0
    top_score_BK: Tensor  # float32, their scores, filled up with -inf


@dataclass(frozen=True)
class Asked:
    """Queries, and the lowest score that ranks above the target of each."""

    query: Any
    target_B: Tensor
    least_B: Tensor
    seen_row_P: Tensor | None
    seen_item_P: Tensor | None


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
    if isinstance(catalogue, Table):
        found = rank_sparse(
            query, catalogue, target_B, least_B,
            k=k, seen_row_P=seen_row_P, seen_item_P=seen_item_P, candidate_V=candidate_V,
        )  # fmt: skip
        if found is not None:
            rank_B, top_BK, top_score_BK = found
            return Ranking(rank_B, top_BK, top_score_BK.float())
    asked = Asked(query, target_B, least_B, seen_row_P, seen_item_P)
    if isinstance(catalogue, ShardedCatalogue):
        return over_shards(catalogue, asked, k=k, candidate_V=candidate_V)
    return scan(catalogue, asked, range(len(catalogue)), k=k, candidate_V=candidate_V)


def scan(
    catalogue: Ranked, asked: Asked, items: range, *, k: int, candidate_V: Tensor | None
) -> Ranking:
    """Rank queries among some of the items: 1 + those above the target, and the best `k`."""
    target_B, least_B, query = asked.target_B, asked.least_B, asked.query
    seen_row_P, seen_item_P = asked.seen_row_P, asked.seen_item_P
    rank_B = torch.ones_like(target_B)
    top_score_BK = least_B.new_full((len(target_B), 0), -torch.inf)
    top_BK = target_B.new_zeros((len(target_B), 0))
    held = min(BLOCK_BYTES, CPU_BYTES) if target_B.device.type == "cpu" else BLOCK_BYTES
    width = max(k, held // (4 * max(1, len(target_B))))
    for first in items[::width]:
        last = min(items.stop, first + width)
        score_BW = catalogue.block(query, first, last)
        _block(score_BW, first, last, seen_row_P, seen_item_P, candidate_V)
        score_BM, place_BM = _foremost(score_BW, k)
        score_BM = torch.cat([top_score_BK, score_BM], dim=1)
        top_score_BK, order = score_BM.topk(min(k, score_BM.shape[1]), dim=1)
        top_BK = torch.cat([top_BK, place_BM + first], dim=1).gather(1, order)
        rank_B += _not_below(score_BW, least_B, target_B - first)
    top_BK = top_BK.masked_fill(top_score_BK == -torch.inf, 0)
    return Ranking(rank_B, top_BK, top_score_BK.float())


def over_shards(
    catalogue: ShardedCatalogue, asked: Asked, *, k: int, candidate_V: Tensor | None
) -> Ranking:
    """Rank the queries of every process among the items of all, each of which scans its own.

    Counts of items above a target add up, and the best items of each process hold the best of all.
    """
    shard, b = catalogue.shard, len(asked.target_B)
    everyone, longest = _everyone(asked, shard)
    items = range(shard.first, shard.last)
    found = scan(catalogue, everyone, items, k=min(k, len(items)), candidate_V=candidate_V)
    above_B = hand_out(found.rank_B.view(-1, longest) - 1).sum(0)[:b]
    lacking = (0, k - found.top_BK.shape[1])
    top_item = F.pad(found.top_BK, lacking).view(shard.world, longest, k)
    top_score = F.pad(found.top_score_BK, lacking, value=-torch.inf).view(top_item.shape)
    item_BK = hand_out(top_item)[:, :b].transpose(0, 1).flatten(1)  # in the order of the items
    score_BK = hand_out(top_score)[:, :b].transpose(0, 1).flatten(1)
    best_BK, order_BK = score_BK.topk(k, dim=1)
    return Ranking(1 + above_B, item_BK.gather(1, order_BK), best_BK)


def _everyone(asked: Asked, shard: Shard) -> tuple[Asked, int]:
    """Return what all processes ask, each filled up to the same number of queries, and that."""
    lengths = lengths_of(asked.target_B, shard)
    query, target, least = (
        gather(each, lengths).flatten(0, 1) for each in (asked.query, asked.target_B, asked.least_B)
    )
    if asked.seen_row_P is None or asked.seen_item_P is None:
        return Asked(query, target, least, None, None), max(lengths)
    pairs = torch.stack([asked.seen_row_P + shard.rank * max(lengths), asked.seen_item_P], dim=1)
    seen = gather(pairs, lengths_of(pairs, shard)).flatten(0, 1)  # item 0 is never ranked
    return Asked(query, target, least, seen[:, 0], seen[:, 1]), max(lengths)


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


def _foremost(score_BW: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """Return few items, among them the best `k` of each row: scores and places, (B, M).

    The best `k` lie in the `k` groups with the largest maxima, and a maximum costs much less than
    a selection. A NaN, which makes the maximum of its group NaN, counts as minus infinity.
    """
    width, device = score_BW.shape[1], score_BW.device
    size = max(1, math.isqrt(width // k))  # the shortest two selections
    groups = width // size
    most_BG = score_BW[:, : groups * size].unflatten(1, (size, groups)).amax(1)
    group_BK = most_BG.topk(min(k, groups), dim=1).indices
    inside_S = groups * torch.arange(size, device=device)
    place_BM = (group_BK[:, :, None] + inside_S).flatten(1)
    rest_R = torch.arange(groups * size, width, device=device)
    place_BM = torch.cat([place_BM, rest_R.expand(len(score_BW), -1)], dim=1)
    score_BM = score_BW.gather(1, place_BM)
    if score_BM.isnan().any():
        return _foremost(score_BW.masked_fill(score_BW.isnan(), -torch.inf), k)
    return score_BM, place_BM


def _not_below(score_BW: Tensor, least_B: Tensor, place_B: Tensor) -> Tensor:
    """Count the items that don't score below `least_B`, but the target; scores are overwritten.

    The counts are exact in float32, as a block has at most 2**24 items.
    """
    width = score_BW.shape[1]
    below_BW = score_BW.lt_(least_B[:, None])  # 1 or 0, in the type of the scores: fastest to sum
    row_H = ((place_B >= 0) & (place_B < width)).nonzero().squeeze(1)
    below_BW[row_H, place_B[row_H]] = 1
    return width - below_BW.sum(1).long()


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
        out_X = (~candidate_V[first:last]).nonzero().squeeze(1)
        score_BW.index_fill_(1, out_X, -torch.inf)
    if seen_row_P is not None and seen_item_P is not None:
        inside = (seen_item_P >= first) & (seen_item_P < last)
        score_BW[seen_row_P[inside], seen_item_P[inside] - first] = -torch.inf
