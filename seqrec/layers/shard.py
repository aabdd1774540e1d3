"""A table that is split over processes by rows: which rows are whose, and what they begin with."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from seqrec.shapes import count_parameters

BLOCK = 1 << 14  # rows that are drawn at once; a multiple of 16, see `draw_normal_`
LEAST = 16  # numbers below which torch draws in another way


@dataclass(frozen=True)
class Shard:
    """The stretch of a table's rows that one of several processes owns.

    The stretches of all processes are as long as one another, or differ by one row.

    Args:
        rows: V, of the whole table.
        rank: the process.
        world: number of processes, at most `rows`.
    """

    rows: int
    rank: int
    world: int

    @property
    def bounds(self) -> list[int]:
        """The first row of each process, and V."""
        return [self.rows * rank // self.world for rank in range(self.world + 1)]

    @property
    def first(self) -> int:
        """The first row of this process."""
        return self.rows * self.rank // self.world

    @property
    def last(self) -> int:
        """The row behind the last one of this process."""
        return self.rows * (self.rank + 1) // self.world

    def __len__(self) -> int:
        """Return the number of rows R of this process."""
        return self.last - self.first


def rows_here(rows: int, shard: Shard | None) -> int:
    """Return how many of a table's rows this process has: all of them without a shard."""
    return rows if shard is None else len(shard)


def declare(module: nn.Module, name: str, shard: Shard | None) -> None:
    """Note that a parameter of `module` is a shard; whole tables are cut when they are loaded."""
    if shard is None:
        return
    own = shard
    module.shards = {**getattr(module, "shards", {}), name: own}  # type: ignore[assignment]

    def cut(_: nn.Module, state: dict[str, Any], prefix: str, *__: Any) -> None:
        whole = state.get(prefix + name)
        if whole is not None and len(whole) == own.rows:
            state[prefix + name] = whole[own.first : own.last]

    module.register_load_state_dict_pre_hook(cut)


def shards_of(module: nn.Module) -> Iterator[tuple[str, nn.Parameter, Shard]]:
    """Yield name, parameter and shard of each table of `module` that is split."""
    for path, part in module.named_modules():
        for name, shard in getattr(part, "shards", {}).items():
            yield f"{path}.{name}" if path else name, getattr(part, name), shard


def count_of_all(module: nn.Module) -> int:
    """Count the trainable parameters of `module`, those of the other processes' rows too."""
    elsewhere = (
        (shard.rows - len(shard)) * own[0].numel()
        for _, own, shard in shards_of(module)
        if own.requires_grad
    )
    return count_parameters(module) + sum(elsewhere)


def draw_normal_(table: Tensor, std: float, shard: Shard | None) -> None:
    """Fill own rows with the numbers that a whole table of one process begins with.

    Every process draws the whole table, block by block. On a CPU, torch makes normal numbers from
    uniform ones in groups of 16, so the blocks together are what one draw of all would be.
    """
    if shard is None:
        nn.init.normal_(table, std=std)
        return
    width = table[0].numel()
    starts = [at for at in range(0, shard.rows, BLOCK) if at == 0 or shard.rows - at >= LEAST]
    buffer = torch.empty(min(shard.rows, BLOCK + LEAST), width)
    for first, last in zip(starts, [*starts[1:], shard.rows], strict=True):
        drawn = buffer[: last - first].normal_(std=std)
        begin, end = max(first, shard.first), min(last, shard.last)
        if begin < end:
            table.data[begin - shard.first : end - shard.first] = drawn[begin - first : end - first]
