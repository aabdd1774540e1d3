"""Gather batches from the store's arrays, vectorised: no per-row Python, no worker processes."""

import math
import warnings
from collections.abc import Iterable, Iterator
from functools import partial

import numpy as np
import torch
from torch import Tensor

from seqrec.contracts import Window
from seqrec.shapes import EvalBatch, History, Segments, TrainBatch
from seqrec.store.store import SequenceStore
from seqrec.store.views import View

SHARE = 0.25  # of a GPU's free memory that the arrays may take
SEEN = 1 << 22  # seen items of an evaluation batch, at most about so many


class Columns:
    """The columns of a store that batches are gathered from, kept where gathering is fastest.

    On a CPU they are the store's memory-mapped files themselves. On a GPU they are copied whole to
    its memory if they take at most a quarter of what is free; else batches are gathered and
    page-locked in the host's memory, so that the GPU fetches the next one while it computes.

    Args:
        store: where the sequences lie.
        device: that the batches are for.
        ratings: whether batches need the ratings of targets.
        events: further columns that histories need: ``timestamp``, ``rating``, or names of the
            store's context.
    """

    def __init__(
        self,
        store: SequenceStore,
        device: torch.device,
        *,
        ratings: bool,
        events: Iterable[str] = (),
    ) -> None:
        arrays = {name: event_column(store, name) for name in events}
        if ratings:
            arrays["rating"] = event_column(store, "rating")
        self.store, self.events = store, tuple(events)
        size = store.item.nbytes + sum(array.nbytes for array in arrays.values())
        on_gpu = device.type == "cuda"
        fits = on_gpu and size <= SHARE * torch.cuda.mem_get_info(device)[0]
        self.asked_device = device
        self.device = device if fits else torch.device("cpu")
        self.pinned = on_gpu and not fits
        self.item = _tensor(store.item).to(self.device)
        self.column = {name: _tensor(array).to(self.device) for name, array in arrays.items()}
        self.rating = self.column["rating"] if ratings else None

    def tensor(self, values: np.ndarray) -> Tensor:
        """Return `values` as a tensor where the columns are."""
        return torch.from_numpy(values).to(self.device)

    def items(self, index: Tensor, valid: Tensor | None = None) -> Tensor:
        """Return the items, int64, at positions of the store; 0 where not `valid`."""
        item = self.item[index].long()
        return item if valid is None else item.masked_fill_(~valid, 0)

    def history(
        self, index_BL: Tensor, valid_BL: Tensor, end: np.ndarray, user: np.ndarray
    ) -> History:
        """Gather the events at `index_BL`; the event at `end` is the one to predict.

        A row that starts one event before its user's first begins with the padding item.
        """
        length_B = valid_BL.sum(1)
        first = self.store.offset[user]
        valid_BL = valid_BL & (index_BL >= self.tensor(first)[:, None])
        index_BL = index_BL.clamp(min=0)
        event = {name: self.column[name][index_BL] for name in self.events}
        return History(
            item_BL=self.items(index_BL, valid_BL),
            length_B=length_B,
            user_B=self.tensor(user),
            event={
                name: value if value.is_floating_point() else value.long()
                for name, value in event.items()
            },
            asked_B=self.column["timestamp"][self.tensor(end)] if "timestamp" in event else None,
        )

    def ratings(self, index: Tensor, valid: Tensor | None = None) -> Tensor | None:
        """Return the ratings, float32, at positions of the store; None if not needed."""
        if self.rating is None:
            return None
        rating = self.rating[index]
        return rating if valid is None else rating.masked_fill_(~valid, 0)


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
        world: processes that share each batch.
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
        segments = cut(view, columns.store, window, max_length, from_start)
        self.start, self.end, self.prefix = segments.start, segments.end, segments.prefix
        length = self.end - self.start
        order = rng.permutation(len(length))
        order = order[np.argsort(length[order] * rng.uniform(0.9, 1.1, len(order)), kind="stable")]
        batches = math.ceil(len(order) / (size * world))
        middle = length[order].cumsum() - length[order] / 2
        number = (middle * batches / length.sum()).astype(np.int64)
        self.batches = np.split(order, np.flatnonzero(np.diff(number)) + 1)
        rng.shuffle(self.batches)
        self.n_positions = int(length.sum())
        self.n_targets = self.n_positions - int(self.prefix.sum())
        self.mean = self.n_targets / batches  # targets of a batch, all processes together
        padded = sum(len(rows) * length[rows].max() for rows in self.batches)
        self.padding = 1 - self.n_positions / padded  # share of all positions that are padding

    def __len__(self) -> int:
        return len(self.batches)

    def __iter__(self) -> Iterator[TrainBatch]:
        for rows in self.batches:
            own = rows[self.rank :: self.world]
            # a process without a segment of its own repeats one, without weight
            batch = self.batch(own) if len(own) else self.batch(rows[:1], weight=0.0)
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
            twice.
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
        self.columns, self.view, self.max_length = columns, view, max_length
        length = view.end - view.start
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
            event_B=self.columns.tensor(rows),
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


def event_column(store: SequenceStore, name: str) -> np.ndarray:
    """Return one column of a store's events: ``timestamp``, ``rating`` or one of its context."""
    values = getattr(store, name) if name in ("timestamp", "rating") else store.context.get(name)
    if values is None:
        raise ValueError(f"the store has no {name}")
    return values


def _tensor(array: np.ndarray) -> Tensor:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*not writable.*")  # only read from
        return torch.from_numpy(array)
