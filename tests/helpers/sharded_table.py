"""Processes that share an item table, and what each of them checks."""

import os
import signal
import traceback
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch import nn

from helpers.apart import ready
from seqrec.catalogue import Catalogue
from seqrec.errors import RunError
from seqrec.experiment.in_words import peers_in_words
from seqrec.layers.clip import clip_gradients
from seqrec.layers.exchange import fetch_rows
from seqrec.layers.shard import Shard, draw_normal_
from seqrec.layers.sharded_catalogue import ShardedCatalogue
from seqrec.loss.bpr import BPR
from seqrec.loss.cross_entropy import CrossEntropy
from seqrec.loss.sampled_softmax import SampledSoftmax
from seqrec.negatives._keep import keep_mask
from seqrec.ranking.rank import rank_targets
from seqrec.shapes import Negatives, Targets
from seqrec.training.sharded_table import whole

V, D, N, S = 23, 6, 14, 5
LOSSES = {
    "full": (CrossEntropy(), False),
    "smoothed": (CrossEntropy(label_smoothing=0.2, temperature=0.5, memory_mb=0.001), False),
    "weighted": (CrossEntropy(), True),
    "sampled": (SampledSoftmax(), False),
    "pairs": (BPR(), False),
}


def together(world: int, work: Callable[..., Any], folder: Path) -> list[int]:
    """Run `work(rank, world)` in so many processes; return their exit statuses."""
    context = ready()
    each = [context.Process(target=_one, args=(work, n, world, str(folder))) for n in range(world)]
    for process in each:
        process.start()
    for process in each:
        process.join(60)
        process.kill()
        process.join()
    return [process.exitcode for process in each]


def _one(work: Callable[..., Any], rank: int, world: int, folder: str) -> None:
    torch.set_num_threads(1)
    dist.init_process_group(
        "gloo",
        init_method=f"file://{folder}/store",
        rank=rank,
        world_size=world,
        timeout=timedelta(seconds=40),
    )
    try:
        work(rank, world)
    except BaseException:
        traceback.print_exc()
        os._exit(1)
    dist.destroy_process_group()


def equal_one(rank: int, world: int) -> None:
    """Losses, gradients, clipping, ranks and lists are those of one process with all rows."""
    shard = Shard(V, rank, world)
    for name, (loss, weighted) in LOSSES.items():
        for sparse in (False, True) if name == "sampled" else (False,):
            _same_step(shard, loss, weighted=weighted, sparse=sparse)
    _same_ranks(shard)
    table = torch.arange(V * 2.0).view(V, 2)
    collected = whole(table[shard.first : shard.last], shard)
    assert torch.equal(collected, table) if rank == 0 else not len(collected)


def lost(rank: int, world: int) -> None:
    """One process is killed; the others end, and say so."""
    if rank == world - 1:
        os.kill(os.getpid(), signal.SIGKILL)
    shard = Shard(V, rank, world)
    try:
        with peers_in_words():
            fetch_rows(torch.arange(V), torch.zeros(len(shard), D), shard)
    except RunError as error:
        assert "another process of this run has ended" in str(error)
        os._exit(3)


def _same_step(shard: Shard, loss: nn.Module, *, weighted: bool, sparse: bool) -> None:
    generator = torch.Generator().manual_seed(1)
    table = torch.randn(V, D, generator=generator)
    bias = torch.randn(V, generator=generator)
    query = torch.randn(N, D, generator=generator)
    item = torch.randint(1, V, (N,), generator=generator)
    drawn = torch.randint(1, V, (S,), generator=generator)
    weight = torch.rand(N, generator=generator) if weighted else None
    of = torch.arange(N) % (2 * shard.world - 1) % shard.world  # process 0 has fewer
    share = torch.ones(N) if weight is None else weight

    def step(at: torch.Tensor, catalogue: Catalogue, query: torch.Tensor) -> torch.Tensor:
        targets = Targets(item[at], torch.zeros_like(at), weight_N=share[at] if weighted else None)
        keep = keep_mask(drawn, targets, drawn[None], n_items=V - 1, exclude_own=False)
        return loss(query[at], targets, catalogue, Negatives(drawn, torch.zeros(S), keep))

    given = [table, bias, query]
    all_table, all_bias, all_query = (nn.Parameter(each.clone()) for each in given)
    expected = step(torch.arange(N), Catalogue(all_table, all_bias), all_query)
    expected.backward()

    rows = slice(shard.first, shard.last)
    own_table, own_bias = (nn.Parameter(each[rows].clone()) for each in (table, bias))
    own_query = nn.Parameter(query.clone())
    mine = (of == shard.rank).nonzero().squeeze(1)
    found = step(mine, ShardedCatalogue(own_table, own_bias, sparse, shard=shard), own_query)
    scale = share[mine].sum() / share.sum() * shard.world
    (found * scale).backward()
    total = (found * scale / shard.world).detach()
    dist.all_reduce(total)
    assert own_table.grad is not None and own_table.grad.is_sparse == sparse
    close(total, expected.detach())
    close(own_table.grad.to_dense(), all_table.grad[rows])
    close(own_bias.grad, all_bias.grad[rows])
    close(own_query.grad[mine] / shard.world, all_query.grad[mine])
    norm = clip_gradients([all_table, all_bias], 0.1)
    close(clip_gradients([], 0.1, shards=[own_table, own_bias]), norm)
    close(own_table.grad.to_dense(), all_table.grad[rows])


def _same_ranks(shard: Shard) -> None:
    generator = torch.Generator().manual_seed(2)
    table = torch.randn(V, D, generator=generator)
    table[5] = table[17]  # a tie over two processes
    query = torch.randn(N, D, generator=generator)
    target = torch.randint(1, V, (N,), generator=generator)
    target[:2] = torch.tensor([5, 17])
    seen_row, seen_item = torch.arange(N).repeat(2), torch.randint(1, V, (2 * N,))
    seen_row, seen_item = seen_row[4:], torch.roll(target, 3).repeat(2)[4:]
    candidate = torch.arange(V) != 9
    k = 12  # more than the rows of one of four
    given = {"k": k, "candidate_V": candidate}
    expected = rank_targets(
        query, Catalogue(table), target, seen_row_P=seen_row, seen_item_P=seen_item, **given
    )
    mine = torch.arange(N)[: N - 1][shard.rank :: shard.world]
    own = (seen_row[:, None] == mine).nonzero()
    shelf = ShardedCatalogue(table[shard.first : shard.last], shard=shard)
    found = rank_targets(
        query[mine],
        shelf,
        target[mine],
        seen_row_P=own[:, 1],
        seen_item_P=seen_item[own[:, 0]],
        **given,
    )
    assert torch.equal(found.rank_B, expected.rank_B[mine])
    close(found.top_score_BK, expected.top_score_BK[mine])
    one, other = found.top_BK.clone(), expected.top_BK[mine]
    one[one == 17], other[other == 17] = 5, 5  # equal scores have no order
    assert torch.equal(one, other)


def close(a: torch.Tensor, b: torch.Tensor) -> None:
    torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-6)


def drawn(rows: int, width: int, shard: Shard | None) -> torch.Tensor:
    """What a table begins with, and the next number."""
    torch.manual_seed(3)
    table = torch.empty(rows if shard is None else len(shard), width)
    draw_normal_(table, 0.5, shard)
    return torch.cat([table.flatten(), torch.randn(1)])
