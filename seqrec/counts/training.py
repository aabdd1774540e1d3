"""The training events as flat arrays, for counting."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import polars as pl
import torch
from torch import Tensor

from seqrec.store.peers import Peers
from seqrec.store.store import SequenceStore
from seqrec.store.views import View

PAIRS = 1 << 24  # pairs counted at once
CELLS = 1 << 24  # counters held at once


@dataclass(frozen=True)
class Training:
    """All training events, sequence after sequence, oldest first.

    Sequences lie in the order of their users' original ids, and ties between items go by the items'
    original ids, so nothing depends on the order in which a file names them.

    Args:
        item: int64 (n,), from 1.
        offset: int64 (sequences + 1,): sequence ``s`` is ``item[offset[s] : offset[s + 1]]``.
        timestamp: int64 (n,), milliseconds, or None.
        n_items: items without the padding id.
        tie_V: int64 (n_items + 1,), see :func:`tie_order`.
    """

    item: np.ndarray
    offset: np.ndarray
    timestamp: np.ndarray | None
    n_items: int
    tie_V: np.ndarray

    @classmethod
    def of(cls, store: SequenceStore, view: View) -> "Training":
        """Return the events of `view`."""
        user = store.users()["user"].gather(view.user + store.first_user)
        view = view.take(user.arg_sort().to_numpy())
        position = view.positions()
        timestamp = None if store.timestamp is None else store.timestamp[position]
        offset = np.concatenate([[0], np.cumsum(view.end - view.start)])
        item, tie_V = store.item[position].astype(np.int64), tie_order(store.items()["item"])
        return cls(item, offset, timestamp, store.n_items, tie_V)

    def of_all(self, peers: Peers) -> "Training":
        """Return the sequences of all processes, those of one after those of another; no times."""
        parts = peers.gather((self.item, np.diff(self.offset)))
        offset = np.concatenate([[0], np.cumsum(np.concatenate([length for _, length in parts]))])
        item = np.concatenate([item for item, _ in parts])
        return replace(self, item=item, offset=offset, timestamp=None)

    @property
    def sequence(self) -> np.ndarray:
        """The sequence of each event, int64 (n,)."""
        return np.repeat(np.arange(len(self.offset) - 1), np.diff(self.offset))

    def latest(self, most: int) -> "Training":
        """Return only the last `most` events of each sequence."""
        kept = self.offset[self.sequence + 1] - np.arange(len(self.item)) <= most
        return self._take(kept)

    def of_length(self, least: int) -> "Training":
        """Return only the sequences of at least so many events."""
        length = np.diff(self.offset)
        some = self._take(np.repeat(length >= least, length))
        offset = np.concatenate([[0], np.cumsum(length[length >= least])])
        return replace(some, offset=offset)

    def distinct(self) -> "Training":
        """Return the first event of each item in each sequence."""
        key = self.sequence * (self.n_items + 1) + self.item
        kept = np.zeros(len(key), dtype=bool)
        kept[np.unique(key, return_index=True)[1]] = True
        return self._take(kept)

    def counts(self, kept: np.ndarray | None = None) -> np.ndarray:
        """Return the number of events of each item, all or only those `kept`: int64 (V,)."""
        item = self.item if kept is None else self.item[kept]
        return np.bincount(item, minlength=self.n_items + 1)

    def popularity(self) -> Tensor:
        """Return the items' places by training events; see :func:`popularity_order`."""
        return popularity_order(self.counts(), self.tie_V)

    def successions(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return ``(from_P, to_P, count_P)``: how often an item directly follows another."""
        inside = np.ones(len(self.item), dtype=bool)
        inside[self.offset[1:-1] - 1] = False
        pair = self.item[:-1] * (self.n_items + 1) + self.item[1:]
        pair, count_P = np.unique(pair[inside[:-1]], return_counts=True)
        return pair // (self.n_items + 1), pair % (self.n_items + 1), count_P

    def together(self) -> Iterator[tuple[int, np.ndarray]]:
        """Count the sequences that hold both of two items, for a few items at a time.

        Requires :meth:`distinct` events.

        Yields:
            The first item, and the counts of W consecutive items from it on: int64 (W, V).
        """
        sequence, v = self.sequence, self.n_items + 1
        order = np.argsort(self.item, kind="stable")
        length = np.diff(self.offset)[sequence[order]]
        pairs = np.concatenate([[0], np.cumsum(length)])
        ends = np.searchsorted(self.item[order], np.arange(1, v + 1))  # events of items below
        first = 1
        while first < v:
            begin = ends[first - 1]
            last = int(np.searchsorted(pairs[ends], pairs[begin] + PAIRS, side="right"))
            last = max(first + 1, min(last, first + max(1, CELLS // v), v))
            events = order[begin : ends[last - 1]]
            size = length[begin : ends[last - 1]]
            start = self.offset[sequence[events]]
            other = np.repeat(start - (np.cumsum(size) - size), size) + np.arange(size.sum())
            cell = np.repeat((self.item[events] - first) * v, size) + self.item[other]
            count = np.bincount(cell, minlength=(last - first) * v)
            yield first, count.reshape(last - first, v)
            first = last

    def _take(self, kept: np.ndarray) -> "Training":
        length = np.bincount(self.sequence[kept], minlength=len(self.offset) - 1)
        offset = np.concatenate([[0], np.cumsum(length)])
        timestamp = None if self.timestamp is None else self.timestamp[kept]
        return replace(self, item=self.item[kept], offset=offset, timestamp=timestamp)


def tie_order(ids: pl.Series) -> np.ndarray:
    """Return a place for each item by its original id: int64 (V,), from 1, and 0 for the padding.

    The order looks random, so that ids given by age or popularity favour no item, but it is always
    the same for the same ids.
    """
    place = torch.randperm(len(ids), generator=torch.Generator().manual_seed(0)).numpy() + 1
    tie_V = np.zeros(len(ids) + 1, dtype=np.int64)
    tie_V[1 + ids.arg_sort().to_numpy().astype(np.int64)] = place
    return tie_V


def popularity_order(count_V: np.ndarray, tie_V: np.ndarray) -> Tensor:
    """Rank items by `count_V` as float64 (V,) scores, from 0: the more events, the larger.

    As ties count against the target, `tie_V` breaks those of equal counts.
    """
    score_V = np.empty(len(count_V))
    score_V[np.lexsort((tie_V, count_V))] = np.arange(len(count_V))
    return torch.from_numpy(score_V)
