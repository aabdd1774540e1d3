"""Exact softmax cross-entropy over a catalogue that is split over processes.

Each process scores the queries of all processes against its own items, a chunk at a time. Of these
scores one number leaves it for each query, the logarithm of their sum of powers; the softmax over
all items needs no more. In the backward pass the chunks are scored again, which makes four products
in all instead of the three of :mod:`seqrec.layers.linear_cross_entropy`: the weight of a query is
known by then, and between the passes no gradient of the table has to be held.
"""

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from seqrec.layers.exchange import gather, hand_out, lengths_of, sum_over_processes
from seqrec.layers.linear_cross_entropy import chunk_rows, chunks_of_scores
from seqrec.layers.shard import Shard
from seqrec.layers.sharded_catalogue import ShardedCatalogue
from seqrec.layers.weighted import mean_over
from seqrec.shapes import Targets


def sharded_cross_entropy(
    query_ND: Tensor,
    targets: Targets,
    catalogue: ShardedCatalogue,
    *,
    label_smoothing: float = 0.0,
    temperature: float = 1.0,
    memory_mb: float | None = None,
) -> Tensor:
    """Return this process's mean loss; item 0, the padding id, is left out.

    Args:
        query_ND: queries of its valid positions.
        targets: their items, and weights.
        catalogue: own rows of the item table.
        label_smoothing, temperature: see
            :func:`~seqrec.layers.linear_cross_entropy.linear_cross_entropy`.
        memory_mb: maximum MiB of scores of own items held at once.
    """
    scaled_ND = query_ND.float() / temperature
    if catalogue.bias_V is not None and temperature != 1:
        catalogue = replace(catalogue, bias_V=catalogue.bias_V / temperature)
    right_N = catalogue.score(scaled_ND, targets.item_N)
    if label_smoothing:
        right_N = torch.lerp(right_N, _mean_scores(scaled_ND, catalogue), label_smoothing)
    half = query_ND.dtype != torch.float32
    rows = chunk_rows(len(catalogue.shard), query_ND.device.type, memory_mb, half)
    own = (catalogue.table_VD, catalogue.bias_V, catalogue.shard)
    total_N = _LogSumExp.apply(scaled_ND.to(query_ND.dtype), *own, rows)
    return mean_over(total_N - right_N, targets)


def _mean_scores(query_ND: Tensor, catalogue: ShardedCatalogue) -> Tensor:
    """Return each query's mean score of all items."""
    skip, items = _skipped(catalogue.shard), catalogue.shard.rows - 1
    mean_D = sum_over_processes(catalogue.table_VD[skip:].float().sum(0)) / items
    mean_N = query_ND @ mean_D
    if catalogue.bias_V is not None:
        mean_N = mean_N + sum_over_processes(catalogue.bias_V[skip:].float().sum()) / items
    return mean_N


def _skipped(shard: Shard) -> int:
    """Return how many own rows are no items: the padding id, which the first process has."""
    return int(shard.first == 0)


class _LogSumExp(torch.autograd.Function):
    """``log sum_i exp(q . i + b_i)`` over the items of all processes, float32."""

    @staticmethod
    def forward(
        ctx: Any, query_ND: Tensor, table_RD: Tensor, bias_R: Tensor | None, shard: Shard, rows: int
    ) -> Tensor:
        items, bias = _items(query_ND, table_RD, bias_R, shard)
        lengths = lengths_of(query_ND, shard)
        query_TD = gather(query_ND, lengths).flatten(0, 1)  # of all processes
        own_T = query_TD.new_empty(len(query_TD), dtype=torch.float32)
        for at, score_CV in chunks_of_scores(query_TD, items, rows):
            if bias is not None:
                score_CV += bias
            peak_C1 = score_CV.amax(1, keepdim=True)
            own_T[at] = score_CV.sub_(peak_C1).exp_().sum(1).log_().add_(peak_C1.squeeze(1))
        total_T = gather(own_T, [len(own_T)] * shard.world).logsumexp(0)
        ctx.save_for_backward(query_TD, table_RD, bias_R, total_T)
        ctx.shard, ctx.lengths, ctx.rows = shard, lengths, rows
        begin = shard.rank * max(lengths)
        return total_T[begin : begin + len(query_ND)].clone()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_N: Tensor) -> tuple[Tensor | None, ...]:  # type: ignore[override]
        query_TD, table_RD, bias_R, total_T = ctx.saved_tensors
        items, bias = _items(query_TD, table_RD, bias_R, ctx.shard)
        world, skip = ctx.shard.world, _skipped(ctx.shard)
        weight_T = gather(grad_N.float(), ctx.lengths).flatten() / world  # of the averaged loss
        pull_TD = query_TD.new_empty(query_TD.shape, dtype=torch.float32)
        grad_RD = torch.zeros_like(table_RD, dtype=torch.float32)
        grad_R = None if bias_R is None else torch.zeros_like(bias_R, dtype=torch.float32)
        push = grad_RD[skip:]
        for at, score_CV in chunks_of_scores(query_TD, items, ctx.rows):
            if bias is not None:
                score_CV += bias
            share_CV = score_CV.sub_(total_T[at, None]).exp_()
            small_CV = share_CV.to(items.dtype)
            pull_TD[at] = small_CV @ items
            heavy_CD = query_TD[at] * weight_T[at, None]
            if items.dtype == torch.float32:
                push.addmm_(small_CV.T, heavy_CD)
            else:
                push += small_CV.T @ heavy_CD.to(items.dtype)
            if grad_R is not None:
                grad_R[skip:].addmv_(share_CV.T, weight_T[at])
        pull_ND = hand_out(pull_TD.view(world, -1, pull_TD.shape[1])).sum(0)[: len(grad_N)]
        grad_ND = (pull_ND * grad_N[:, None]).to(query_TD.dtype)
        return grad_ND, grad_RD.to(table_RD.dtype), grad_R, None, None


def _items(
    query: Tensor, table_RD: Tensor, bias_R: Tensor | None, shard: Shard
) -> tuple[Tensor, Tensor | None]:
    """Return own items in the type of the queries, and their float32 biases."""
    skip = _skipped(shard)
    bias = None if bias_R is None else bias_R[skip:].float()
    return table_RD[skip:].to(query.dtype), bias
