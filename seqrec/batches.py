"""Gather batches from the store's arrays, vectorised: no per-row Python, no worker processes."""

import math
from collections.abc import Iterator
from functools import partial

import numpy as np
import torch
from torch import Tensor

from seqrec.columns import Columns
from seqrec.contracts import Window
from seqrec.shapes import EvalBatch, Segments, TrainBatch
from seqrec.store.store import SequenceStore
from seqrec.store.views import View

SEEN = 1 << 22  # seen items of an evaluation batch, at most about so many


class TrainBatches:
    """The segments of a view's sequences, shuffled, each once: one pass is one epoch.

    Each valid position of a segment after its prefix has the item that follows as target.
    Segments of similar length go together, so little is padded, and all batches hold about equally
    many positions: many short segments or a few long ones. The ``weight`` of a batch is its number
    of targets over the mean, which makes the weighted loss an unbiased estimate of the mean over
    all targets, whatever the batches are and however many processes share them.

    Args:
        columns: of the store where the sequences lie.
        view: which of them; one without a target is left out.
        window: how to cut sequences longer than `max_length`.
        max_length: largest number of inputs L of a segment.
        size: segments in a batch on each device, on average.
        seed: of the shuffle.
        epoch: of the shuffle; the same seed and epoch give the same batches on every machine.
        rank: this process.
        world: processes that share each batch. If the columns are a share of the store, all cut
            the same segments, each shuffles those of its own users, by its rank too, and all take
            equally many batches.
        from_start: a sequence's first event is a target too, with nothing before it but its user.
        within: every event of a stretch is a target, even its first, and what its user did before
            is seen, as far as it fits.
    """

    def __init__(
        self,
        *,
        columns: Columns,
        view: View,
        window: Window,
        max_length: int,
        size: int,
        seed: int,
        epoch: int = 0,
        rank: int = 0,
        world: int = 1,
        from_start: bool = False,
        within: bool = False,
    ) -> None:
        self.columns, self.rank, self.world = columns, rank, world
        rng = np.random.default_rng([seed, epoch])
        if hasattr(window, "drawn"):
            window = partial(window.drawn, rng=rng)
        cut = _segments_within if within else _segments
        segments = cut(view, columns.store.whole, window, max_length, from_start)
        batches = math.ceil(len(segments.end) / (size * world))
        self.n_positions = int((segments.end - segments.start).sum())
        self.n_targets = self.n_positions - int(segments.prefix.sum())
        self.mean = self.n_targets / batches  # targets of a batch, all processes together
        own, mixed = columns.own(segments), rng
        if columns.is_share:
            mixed = np.random.default_rng([seed, epoch, rank])
        self.start, self.end, self.prefix = own.start, own.end, own.prefix
        length = self.end - self.start
        order = mixed.permutation(len(length))
        jitter = mixed.uniform(0.9, 1.1, len(order))
        order = order[np.argsort(length[order] * jitter, kind="stable")]
        middle = length[order].cumsum() - length[order] / 2
        number = (middle * batches / length.sum()).astype(np.int64)
        ends = np.flatnonzero(np.diff(number)) + 1
        if columns.is_share:  # so many batches as all others have, even if some are empty
            ends = np.searchsorted(number, np.arange(1, batches))
        self.batches = np.split(order, ends)
        rng.shuffle(self.batches)
        padded = sum(len(rows) * length[rows].max(initial=0) for rows in self.batches)
        self.padding = 1 - length.sum() / padded  # share of all positions that are padding
        self.skipped = 0  # batches that aren't gathered: an earlier part of the run had them
        # sequences until the end of each batch, all processes together; of other processes' shards
        # only their number is known
        self.ends = np.cumsum([len(rows) for rows in self.batches])
        if columns.is_share:
            self.ends = np.arange(1, batches + 1) * len(segments.end) // batches

    def __len__(self) -> int:
        return len(self.batches)

    def seen(self, batches: int) -> int:
        """Return the number of sequences, all processes together, in the first batches."""
        return int(self.ends[batches - 1]) if batches else 0

    def skip(self, sequences: int) -> None:
        """Leave out the first batches, with so many sequences; call it before iterating."""
        self.skipped = int(np.searchsorted(self.ends, sequences, side="right"))

    def __iter__(self) -> Iterator[TrainBatch]:
        for rows in self.batches[self.skipped :]:
            own = rows if self.columns.is_share else rows[self.rank :: self.world]
            # a process without a segment of its own repeats one, without weight
            other = rows[:1] if len(rows) else np.zeros(1, dtype=np.int64)
            batch = self.batch(own) if len(own) else self.batch(other, weight=0.0)
            yield batch.pin_memory() if self.columns.pinned else batch

    def batch(self, rows: np.ndarray, weight: float | None = None) -> TrainBatch:
        """Gather the segments `rows` as a batch."""
        start, end, prefix = self.start[rows], self.end[rows], self.prefix[rows]
        index_BL, valid_BL = _windows(self.columns, start, end)
        if weight is None:
            weight = float((end - start - prefix).sum() * self.world / self.mean)
        user = np.searchsorted(self.columns.store.offset, end, side="right") - 1
        return TrainBatch(
            history=self.columns.history(index_BL, valid_BL, end, user),
            prefix_B=self.columns.tensor(prefix),
            target_BL=self.columns.items(index_BL + 1, valid_BL),
            rating_BL=self.columns.ratings(index_BL + 1, valid_BL),
            weight=weight,
        )


class EvalBatches:
    """The histories of a view, longest first, each with the one item that follows.

    For a history that ends with its user's last event, the item that follows is arbitrary.

    Args:
        columns: of the store where the histories lie.
        view: which of them.
        max_length: largest number of inputs L, the latest; seen items are of the whole history.
        size: histories in a batch, fewer where they are so long that their seen items need much
            memory; changes no result.
        rank: this process.
        world: processes that share each batch, so that all have as many; nothing is evaluated
            twice. If the columns are a share of the store, it is the histories of its users.
    """

    def __init__(
        self,
        *,
        columns: Columns,
        view: View,
        max_length: int,
        size: int,
        rank: int = 0,
        world: int = 1,
    ) -> None:
        self.columns, self.max_length = columns, max_length
        self.event, self.view = view.within(columns.store)
        if columns.is_share:
            rank, world = 0, 1
        length = self.view.end - self.view.start
        order = np.argsort(-np.minimum(length, max_length), kind="stable")
        seen = np.minimum(length[order], columns.store.n_items)  # at most
        places = np.cumsum(np.maximum(1, seen * size // SEEN)) - 1
        cuts = np.flatnonzero(np.diff(places // (size * world))) + 1
        batches = np.split(order, _apart(cuts, len(order), world))
        self.batches = [rows[rank::world] for rows in batches if len(rows)]

    def __len__(self) -> int:
        return len(self.batches)

    def __iter__(self) -> Iterator[EvalBatch]:
        for rows in self.batches:
            batch = self._batch(rows)
            yield batch.pin_memory() if self.columns.pinned else batch

    def _batch(self, rows: np.ndarray) -> EvalBatch:
        begin, end = self.view.start[rows], self.view.end[rows]
        start = np.maximum(begin, end - self.max_length)
        after = np.minimum(end, self.columns.store.n_interactions - 1)
        index_BL, valid_BL = _windows(self.columns, start, end)
        seen_row_P, seen_index_P = self.view.take(rows).items_once(self.columns.store.item)
        next_B = self.columns.tensor(after)
        return EvalBatch(
            history=self.columns.history(index_BL, valid_BL, after, self.view.user[rows]),
            event_B=self.columns.tensor(self.event[rows]),
            target_B=self.columns.items(next_B),
            rating_B=self.columns.ratings(next_B),
            seen_row_P=self.columns.tensor(seen_row_P),
            seen_item_P=self.columns.items(self.columns.tensor(seen_index_P)),
        )


def _apart(cuts: np.ndarray, end: int, least: int) -> list[int]:
    """Return the cuts that leave at least so many rows between them: one for each process."""
    kept = [0]
    for cut in cuts.tolist():
        if cut - kept[-1] >= least and end - cut >= least:
            kept.append(cut)
    return kept[1:]


def _segments(
    view: View, store: SequenceStore, window: Window, max_length: int, from_start: bool
) -> Segments:
    """Cut the stretches of a view, each by itself; its last event is a target only."""
    view = view.take(view.end - view.start + from_start > 1)
    return window(view.start - from_start, view.end - 1, max_length)


def _segments_within(
    view: View, store: SequenceStore, window: Window, max_length: int, from_start: bool
) -> Segments:
    """Cut stretches whose every event is a target, and let what came before be seen."""
    first = store.offset[:-1] - from_start  # the first input of each user
    start = np.maximum(view.start - 1, first[view.user])
    own = view.end - 1 > start
    cut = window(start[own], view.end[own] - 1, max_length)
    user = np.searchsorted(store.offset, cut.end, side="right") - 1
    start = np.maximum(first[user], cut.end - max_length)
    return Segments(start, cut.end, cut.prefix + cut.start - start)


def _windows(columns: Columns, start: np.ndarray, end: np.ndarray) -> tuple[Tensor, Tensor]:
    """Return positions ``start .. end`` of each row, padded on the right with position 0."""
    width = int((end - start).max())
    index_BL = columns.tensor(start)[:, None] + torch.arange(width, device=columns.device)
    valid_BL = index_BL < columns.tensor(end)[:, None]
    return index_BL.masked_fill_(~valid_BL, 0), valid_BL
