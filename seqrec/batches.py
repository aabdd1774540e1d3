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
    Sequences of like length go together, so little is padded, and a batch holds about as many
    positions as any other: many short sequences or a few long ones. A batch says by its ``weight``
    how far it is from the mean, which makes the weighted loss an unbiased estimate of the mean
    over all positions, whatever the batches are and however many processes share them.

    Args:
        store: where the sequences lie.
        view: which of them, at least two events long.
        max_length: most inputs L of a sequence.
        size: sequences in a batch on each device, on average.
        seed: of the shuffle.
        epoch: of the shuffle; the same seed and epoch give the same batches on every machine.
        ratings: give the targets' ratings too.
        rank: this process.
        world: processes that share each batch.
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
        self.store, self.ratings, self.rank, self.world = store, ratings, rank, world
        self.end = view.end - 1  # the last event is a target only
        self.start = np.maximum(view.start, self.end - max_length)
        length = self.end - self.start
        rng = np.random.default_rng([seed, epoch])
        order = rng.permutation(len(length))
        order = order[np.argsort(length[order] * rng.uniform(0.9, 1.1, len(order)), kind="stable")]
        batches = math.ceil(len(order) / (size * world))
        self.positions = length.sum() / batches  # of a batch, all processes together
        middle = length[order].cumsum() - length[order] / 2
        number = (middle / self.positions).astype(np.int64)
        self.batches = np.split(order, np.flatnonzero(np.diff(number)) + 1)
        rng.shuffle(self.batches)
        padded = sum(len(rows) * length[rows].max() for rows in self.batches)
        self.padding = 1 - length.sum() / padded  # share of all positions that are padding

    def __len__(self) -> int:
        return len(self.batches)

    def __iter__(self) -> Iterator[TrainBatch]:
        for rows in self.batches:
            mine = rows[self.rank :: self.world]
            # a process without a sequence of its own repeats one, without weight
            yield self._batch(mine) if len(mine) else self._batch(rows[:1], weight=0.0)

    def _batch(self, rows: np.ndarray, weight: float | None = None) -> TrainBatch:
        start, end = self.start[rows], self.end[rows]
        index_BL, valid_BL = _windows(start, end)
        if weight is None:
            weight = float((end - start).sum() * self.world / self.positions)
        return TrainBatch(
            item_BL=_gather(self.store.item, index_BL, valid_BL),
            length_B=torch.from_numpy(end - start),
            target_BL=_gather(self.store.item, index_BL + 1, valid_BL),
            rating_BL=_gather(self.store.rating, index_BL + 1, valid_BL) if self.ratings else None,
            weight=weight,
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
