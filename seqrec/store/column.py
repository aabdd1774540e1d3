"""Columns of events that lie in shards, read like arrays."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import DTypeLike


class Column:
    """A column in shards: slices, positions and masks give arrays, as of a one-dimensional array.

    A shard is loaded when the first of its events is read. Only shards that have a wanted event
    are touched, so whoever reads the events of some users needs the shards of these users alone.

    Args:
        bounds: int64 (shards + 1,), increasing: the first event of each shard, and their number.
        dtype: of the values.
        load: returns the values of a shard by its number.
    """

    ndim = 1

    def __init__(
        self, bounds: np.ndarray, dtype: DTypeLike, load: Callable[[int], np.ndarray]
    ) -> None:
        self.bounds, self.dtype, self._load = bounds, np.dtype(dtype), load
        self._loaded: dict[int, np.ndarray] = {}

    def __len__(self) -> int:
        return int(self.bounds[-1])

    @property
    def shape(self) -> tuple[int]:
        """The number of events."""
        return (len(self),)

    @property
    def nbytes(self) -> int:
        """The bytes that all values take."""
        return len(self) * self.dtype.itemsize

    @property
    def loaded(self) -> set[int]:
        """The numbers of the shards that were read."""
        return set(self._loaded)

    def max(self) -> Any:
        """Return the largest value."""
        return max(self.shard(at).max() for at in range(len(self.bounds) - 1))

    def shard(self, at: int) -> np.ndarray:
        """Return the values of a shard."""
        if at not in self._loaded:
            self._loaded[at] = self._load(at)
        return self._loaded[at]

    def of_shards(self, first: int, end: int) -> "Column":
        """Return the column of shards `first` to ``end - 1`` alone, whose events begin with 0."""
        bounds = self.bounds[first : end + 1] - self.bounds[first]
        return Column(bounds, self.dtype, lambda at: self.shard(first + at))

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> np.ndarray:
        if copy is False:
            raise ValueError("an array of several shards is a copy")
        return self[:].astype(dtype or self.dtype, copy=False)

    def __getitem__(self, index: Any) -> Any:
        """Return a copy of the values at an integer, a slice, positions or a mask."""
        if isinstance(index, slice):
            return self._slice(*index.indices(len(self)))
        index = np.asarray(index)
        if index.dtype == bool:
            if index.shape != self.shape:
                raise IndexError(f"a mask of {index.shape} for {len(self):,} events")
            index = np.flatnonzero(index)
        flat = index.reshape(-1)
        if flat.size and (flat.min() < -len(self) or flat.max() >= len(self)):
            raise IndexError(f"a position isn't among {len(self):,} events")
        found = self._gather(np.where(flat < 0, flat + len(self), flat) if flat.size else flat)
        return found.reshape(index.shape)[()]

    def _slice(self, start: int, stop: int, step: int) -> np.ndarray:
        if step < 0:
            return self[np.arange(start, stop, step)]
        parts, bounds = [np.empty(0, self.dtype)], self.bounds
        for at in range(len(bounds) - 1):
            first, end = max(start, int(bounds[at])), min(stop, int(bounds[at + 1]))
            if first < end:
                parts.append(self.shard(at)[first - bounds[at] : end - bounds[at]])
        return np.concatenate(parts)[::step]

    def _gather(self, flat: np.ndarray) -> np.ndarray:
        """Return the values at positions, int64 (n,), one shard after another."""
        number = np.searchsorted(self.bounds, flat, side="right").astype(np.int32) - 1
        found = np.empty(len(flat), self.dtype)
        if not len(flat):
            return found
        first, last = int(number.min()), int(number.max())
        if first == last:
            return np.asarray(self.shard(first)[flat - self.bounds[first]])
        order = np.argsort(number, kind="stable")  # radix
        ends = np.searchsorted(number, np.arange(first, last + 2), sorter=order)
        for at in range(first, last + 1):
            rows = order[ends[at - first] : ends[at - first + 1]]
            if len(rows):
                found[rows] = self.shard(at)[flat[rows] - self.bounds[at]]
        return found
