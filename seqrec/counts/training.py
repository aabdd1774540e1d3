"""The training events as flat arrays, for counting."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from seqrec.store.store import SequenceStore
from seqrec.store.views import View

PAIRS = 1 << 24  # pairs counted at once
CELLS = 1 << 24  # counters held at once


@dataclass(frozen=True)
class Training:
    """All training events, sequence after sequence, oldest first.

    Args:
        item: int64 (n,), from 1.
        offset: int64 (sequences + 1,): sequence ``s`` is ``item[offset[s] : offset[s + 1]]``.
        timestamp: int64 (n,), milliseconds, or None.
        n_items: items without the padding id.
    """

    item: np.ndarray
    offset: np.ndarray
    timestamp: np.ndarray | None
    n_items: int

    @classmethod
    def of(cls, store: SequenceStore, view: View) -> "Training":
        """Return the events of `view`."""
        position = view.positions()
        timestamp = None if store.timestamp is None else store.timestamp[position]
        offset = np.concatenate([[0], np.cumsum(view.end - view.start)])
        return cls(store.item[position].astype(np.int64), offset, timestamp, store.n_items)

    @property
    def sequence(self) -> np.ndarray:
        """The sequence of each event, int64 (n,)."""
        return np.repeat(np.arange(len(self.offset) - 1), np.diff(self.offset))

    def latest(self, most: int) -> "Training":
        """Return only the last `most` events of each sequence."""
        kept = self.offset[self.sequence + 1] - np.arange(len(self.item)) <= most
        return self._take(kept)

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
        return Training(self.item[kept], offset, timestamp, self.n_items)


def popularity_order(count_V: Tensor) -> Tensor:
    """Rank items by `count_V` as float32 (V,) scores: the more events, the larger.

    As ties count against the target, a fixed random order breaks those of equal counts.
    """
    order = torch.randperm(len(count_V), generator=torch.Generator().manual_seed(0))
    place_V = count_V[order].argsort(stable=True).argsort()
    score_V = torch.empty(len(count_V))
    score_V[order] = place_V.float()
    return score_V
