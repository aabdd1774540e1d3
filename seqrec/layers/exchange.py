"""What processes send one another, with gradients: rows of a split table, queries, sums.

Under data parallelism each process has a loss of its own, and gradients are averaged over the
processes. A row's owner therefore sums the gradients that it gets and divides by their number.
Every process has to make the same calls in the same order.
"""

from typing import Any

import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

from seqrec.layers.shard import Shard


def fetch_rows(item: Tensor, table: Tensor, shard: Shard, *, sparse: bool = False) -> Tensor:
    """Return rows of a split table, whoever owns them, in the shape of `item` with D appended.

    Each row that is asked for travels once to a process, however often it is used there.

    Args:
        item: int64, rows of the whole table.
        table: own rows, (R, D).
        shard: which these are.
        sparse: leave a sparse gradient.
    """
    wanted, place = item.flatten().unique(return_inverse=True)  # sorted, so grouped by owner
    inner = torch.tensor(shard.bounds[1:-1], device=item.device)
    ask_P = torch.bincount(torch.bucketize(wanted, inner, right=True), minlength=shard.world)
    asked_P = torch.empty_like(ask_P)
    dist.all_to_all_single(asked_P, ask_P)
    ask, asked = torch.stack([ask_P, asked_P]).tolist()
    given = wanted.new_empty(sum(asked))
    dist.all_to_all_single(given, wanted, asked, ask)
    rows = F.embedding(given - shard.first, table, sparse=sparse)
    return F.embedding(place.view(item.shape), _Sent.apply(rows, asked, ask))


def gather(own: Tensor, lengths: list[int]) -> Tensor:
    """Return everyone's tensor, (P, M, ...), filled up with zeros; no gradient passes.

    Args:
        own: (N, ...).
        lengths: N of each process; M is the largest.
    """
    filled = own.new_zeros(max(lengths), *own.shape[1:])
    filled[: len(own)] = own
    every = own.new_empty(len(lengths), *filled.shape)
    dist.all_gather(list(every), filled)
    return every


def lengths_of(own: Tensor, shard: Shard) -> list[int]:
    """Return the length of each process's tensor."""
    every = torch.empty(shard.world, 1, dtype=torch.int64, device=own.device)
    dist.all_gather(list(every), torch.tensor([len(own)], device=own.device))
    return every.flatten().tolist()


def hand_out(every: Tensor) -> Tensor:
    """Send block p of (P, ...) to process p; return what each sent to this one, (P, ...)."""
    received = torch.empty_like(every)
    dist.all_to_all_single(received, every.contiguous())
    return received


def sum_over_processes(own: Tensor) -> Tensor:
    """Return the sum of everyone's tensor."""
    return _Summed.apply(own)


class _Sent(torch.autograd.Function):
    """Rows to those who asked for them."""

    @staticmethod
    def forward(ctx: Any, rows: Tensor, out: list[int], back: list[int]) -> Tensor:
        ctx.out, ctx.back = out, back
        received = rows.new_empty(sum(back), *rows.shape[1:])
        dist.all_to_all_single(received, rows.contiguous(), back, out)
        return received

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:  # type: ignore[override]
        received = grad.new_empty(sum(ctx.out), *grad.shape[1:])
        dist.all_to_all_single(received, grad.contiguous(), ctx.out, ctx.back)
        return received.div_(len(ctx.out)), None, None


class _Summed(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, own: Tensor) -> Tensor:
        total = own.clone()
        dist.all_reduce(total)
        return total

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> Tensor:  # type: ignore[override]
        total = grad.clone()
        dist.all_reduce(total)
        return total.div_(dist.get_world_size())
