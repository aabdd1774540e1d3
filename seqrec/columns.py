"""The columns of a store that batches are gathered from, kept where gathering is fastest."""

import warnings
from collections.abc import Iterable
from functools import partial

import numpy as np
import psutil
import torch
from torch import Tensor

from seqrec.shapes import History, Segments
from seqrec.store.column import Column
from seqrec.store.files import Values
from seqrec.store.store import SequenceStore

SHARE = 0.25  # of the free memory, of a GPU or of all processes, that the arrays may take


class Columns:
    """The columns of a store that batches are gathered from, kept where gathering is fastest.

    On a CPU they are the store's memory-mapped files themselves; columns in shards are copied to
    memory if they take at most a quarter of what is free. On a GPU they are copied whole to
    its memory if they take at most a quarter of what is free; else batches are gathered and
    page-locked in the host's memory, so that the GPU fetches the next one while it computes.

    Args:
        store: where the sequences lie, or the share of this process; then batches are of its users.
        device: that the batches are for.
        ratings: whether batches need the ratings of targets.
        events: further columns that histories need: ``timestamp``, ``rating``, or names of the
            store's context.
        world: processes that gather, each from columns of its own.
    """

    def __init__(
        self,
        store: SequenceStore,
        device: torch.device,
        *,
        ratings: bool,
        events: Iterable[str] = (),
        world: int = 1,
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
        copied = fits or (
            store.n_shards > 0 and size * world <= SHARE * psutil.virtual_memory().available
        )
        kept = partial(_tensor, copied=copied)
        self.item = kept(store.item).to(self.device)
        self.column = {name: kept(array).to(self.device) for name, array in arrays.items()}
        self.rating = self.column["rating"] if ratings else None

    @property
    def is_share(self) -> bool:
        """Whether the columns are those of some users, not of all."""
        return self.store.whole is not self.store

    def own(self, segments: Segments) -> Segments:
        """Return those of the whole store's segments that the columns have, by their positions."""
        if not self.is_share:
            return segments
        first = self.store.first_event
        own = (segments.end >= first) & (segments.end < first + self.store.n_interactions)
        start, end = segments.start[own] - first, segments.end[own] - first
        return Segments(start, end, segments.prefix[own])

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

        Positions and users are those of the store, or of the share. A row that starts one event
        before its user's first begins with the padding item.
        """
        length_B = valid_BL.sum(1)
        first = self.store.offset[user]
        valid_BL = valid_BL & (index_BL >= self.tensor(first)[:, None])
        index_BL = index_BL.clamp(min=0)
        event = {name: self.column[name][index_BL] for name in self.events}
        return History(
            item_BL=self.items(index_BL, valid_BL),
            length_B=length_B,
            user_B=self.tensor(user + self.store.first_user),
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


def event_column(store: SequenceStore, name: str) -> Values:
    """Return one column of a store's events: ``timestamp``, ``rating`` or one of its context."""
    values = getattr(store, name) if name in ("timestamp", "rating") else store.context.get(name)
    if values is None:
        raise ValueError(f"the store has no {name}")
    return values


class _Gathered:
    """A column in shards on the disk, which is indexed by positions as a tensor is."""

    def __init__(self, column: Column) -> None:
        self.column = column

    def __getitem__(self, index: Tensor) -> Tensor:
        return torch.from_numpy(self.column[index.numpy()])

    def to(self, device: torch.device) -> "_Gathered":
        return self


def _tensor(array: Values, *, copied: bool) -> Tensor | _Gathered:
    if isinstance(array, Column):
        return torch.from_numpy(np.asarray(array)) if copied else _Gathered(array)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*not writable.*")  # only read from
        return torch.from_numpy(array)
