"""Batches by vectorised gathers from the store's arrays: no per-row Python, no worker processes."""

import math
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from seqrec.split.views import View
from seqrec.store.store import SequenceStore
from seqrec.types import EvalBatch, TrainBatch


class TrainBatches:
    """The sequences of a view, shuffled, each once: one pass is one epoch.

    A sequence gives its latest ``max_length`` inputs, each with the item that follows as target.
    Batches are as wide as their longest sequence.

    Args:
        store: where the sequences lie.
        view: which of them, at least two events long.
        max_length: most inputs L of a sequence.
        size: sequences in a batch, on each device.
        seed: of the shuffle.
        epoch: of the shuffle; the same seed and epoch give the same batches on every machine.
        ratings: give the targets' ratings too.
        rank: this process.
        world: processes that share the epoch; each takes every ``world``-th sequence.
    """

    def __init__(
        self,
        *,
        store: SequenceStore,
        view: View,
        max_length: int,
        size: int,
        seed: int,
        epoch: int = 0,
        ratings: bool = False,
        rank: int = 0,
        world: int = 1,
    ) -> None:
        self.store, self.view, self.max_length, self.size = store, view, max_length, size
        self.seed, self.epoch, self.ratings = seed, epoch, ratings
        self.rank, self.world = rank, world

    def __len__(self) -> int:
        return math.ceil(len(self.view.user) / (self.size * self.world))

    def __iter__(self) -> Iterator[TrainBatch]:
        order = np.random.default_rng([self.seed, self.epoch]).permutation(len(self.view.user))
        step = self.size * self.world
        for first in range(0, len(order), step):
            together = order[first : first + step]
            # where the last sequences don't reach every process, one is seen twice
            mine = together[self.rank :: self.world] if len(together) > self.rank else together[:1]
            yield self._batch(mine)

    def _batch(self, rows: np.ndarray) -> TrainBatch:
        end = self.view.end[rows] - 1  # the last event is a target only
        start = np.maximum(self.view.start[rows], end - self.max_length)
        index_BL, valid_BL = _windows(start, end)
        rating_BL = None
        if self.ratings:
            rating_BL = _gather(self.store.rating, index_BL + 1, valid_BL)
        return TrainBatch(
            item_BL=_gather(self.store.item, index_BL, valid_BL),
            length_B=torch.from_numpy(end - start),
            target_BL=_gather(self.store.item, index_BL + 1, valid_BL),
            rating_BL=rating_BL,
        )


class EvalBatches:
    """The histories of a view, longest first, each with the one item that follows.

    Args:
        store: where the histories lie.
        view: which of them.
        max_length: most inputs L; seen items are those of the whole history.
        size: histories in a batch; changes no result.
        ratings: give the targets' ratings too.
        rank: this process.
        world: processes that share the view; nothing is evaluated twice.
    """

    def __init__(
        self,
        *,
        store: SequenceStore,
        view: View,
        max_length: int,
        size: int,
        ratings: bool = False,
        rank: int = 0,
        world: int = 1,
    ) -> None:
        self.store, self.view, self.max_length, self.size = store, view, max_length, size
        self.ratings = ratings
        length = np.minimum(view.end - view.start, max_length)
        self.order = np.argsort(-length, kind="stable")[rank::world]

    def __len__(self) -> int:
        return math.ceil(len(self.order) / self.size)

    def __iter__(self) -> Iterator[EvalBatch]:
        for first in range(0, len(self.order), self.size):
            yield self._batch(self.order[first : first + self.size])

    def _batch(self, rows: np.ndarray) -> EvalBatch:
        begin, end = self.view.start[rows], self.view.end[rows]
        start = np.maximum(begin, end - self.max_length)
        index_BL, valid_BL = _windows(start, end)
        seen_row_P = np.repeat(np.arange(len(rows)), end - begin)
        before = np.cumsum(end - begin) - (end - begin)
        seen_index_P = np.arange(len(seen_row_P)) + np.repeat(begin - before, end - begin)
        rating_B = None
        if self.ratings:
            rating_B = _gather(self.store.rating, end, np.True_)
        return EvalBatch(
            user_B=torch.from_numpy(self.view.user[rows]),
            item_BL=_gather(self.store.item, index_BL, valid_BL),
            length_B=torch.from_numpy(end - start),
            target_B=_gather(self.store.item, end, np.True_),
            rating_B=rating_B,
            seen_row_P=torch.from_numpy(seen_row_P),
            seen_item_P=_gather(self.store.item, seen_index_P, np.True_),
        )


def _windows(start: np.ndarray, end: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Positions ``start .. end`` of each row, padded on the right with position 0."""
    index_BL = start[:, None] + np.arange((end - start).max())
    valid_BL = index_BL < end[:, None]
    return np.where(valid_BL, index_BL, 0), valid_BL


def _gather(
    values: np.ndarray | None, index_BL: np.ndarray, valid_BL: np.ndarray | np.bool_
) -> Tensor:
    if values is None:
        raise ValueError("the store has no such column")
    wanted = np.int64 if np.issubdtype(values.dtype, np.integer) else np.float32
    return torch.from_numpy(np.where(valid_BL, values[index_BL], 0).astype(wanted))
