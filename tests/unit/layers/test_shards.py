"""An item table that processes share: to the rounding, what one process has."""

import pytest
import torch
from helpers import sharded_table as shards

from seqrec.layers import shard
from seqrec.layers.shard import Shard, count_of_all, declare, shards_of


@pytest.mark.parametrize(("rows", "world"), [(7, 2), (8, 4), (5, 5), (1_000_003, 3)])
def test_every_row_is_owned_once(rows, world):
    each = [Shard(rows, rank, world) for rank in range(world)]
    assert [own.first for own in each] + [rows] == each[0].bounds
    assert [own.last for own in each] == each[0].bounds[1:]
    assert max(map(len, each)) - min(map(len, each)) <= 1


@pytest.mark.parametrize(("rows", "width"), [(64, 1), (65, 3), (50, 16), (49, 1), (33, 5)])
def test_shards_begin_with_the_rows_of_a_whole_table(rows, width, monkeypatch):
    """And leave the generator where that leaves it."""
    monkeypatch.setattr(shard, "BLOCK", 16)
    expected = shards.drawn(rows, width, None)
    parts = [shards.drawn(rows, width, Shard(rows, rank, 3)) for rank in range(3)]
    assert all(part[-1] == expected[-1] for part in parts)
    assert torch.equal(torch.cat([part[:-1] for part in parts]), expected[:-1])


def test_a_shard_is_cut_from_a_whole_table_and_counts_as_one():
    module = torch.nn.Module()
    module.weight_VD = torch.nn.Parameter(torch.zeros(3, 2))
    declare(module, "weight_VD", Shard(8, 1, 3))
    outer = torch.nn.Sequential(module, torch.nn.Linear(2, 1))
    whole = torch.arange(16.0).view(8, 2)
    outer.load_state_dict({**outer.state_dict(), "0.weight_VD": whole})
    assert torch.equal(module.weight_VD, whole[2:5])
    assert [name for name, *_ in shards_of(outer)] == ["0.weight_VD"]
    assert count_of_all(outer) == 16 + 3


@pytest.mark.slow
@pytest.mark.parametrize("world", [2, 4])
def test_processes_learn_and_rank_as_one(world, tmp_path):
    assert shards.together(world, shards.equal_one, tmp_path) == [0] * world


@pytest.mark.slow
def test_a_killed_process_ends_the_others(tmp_path):
    assert shards.together(2, shards.lost, tmp_path) == [3, -9]
