"""The files of a store, which are found, fetched, checked and mapped when they are needed."""

from functools import partial
from pathlib import Path

import numpy as np

from seqrec.disk.manifest import ChangedError
from seqrec.store.column import Column
from seqrec.store.index import AGAIN, Entry, checked, damaged, files_of_shards
from seqrec.store.remote import Remote

Values = np.ndarray | Column


class Files:
    """The files that an index lists.

    Args:
        folder: where they lie.
        index: see :mod:`seqrec.store.index`.
        remote: from where those that the folder lacks are fetched; None: it has all of them.

    Attributes:
        users, events: int64 (shards + 1,), the first user and event of each shard, and the number
            of all.
    """

    def __init__(self, folder: Path, index: Entry, remote: Remote | None) -> None:
        self.folder, self.remote = folder, remote
        self._mapped = "shards" not in index and remote is None
        whole = {"name": ".", "users": [0, index["n_users"]], "events": index["n_interactions"]}
        shards = index.get("shards", [whole | {"files": index["files"]}])
        self._names = [shard["name"] for shard in shards]
        self._columns = set(shards[0]["files"])
        self.users = np.array([0, *(shard["users"][1] for shard in shards)])
        self.events = np.cumsum([0, *(shard["events"] for shard in shards)])
        here = {} if remote is None else index["files"]  # else checked when the store was opened
        self._unchecked: dict[str, Entry] = {**here, **dict(files_of_shards(index))}

    def has(self, field: str) -> bool:
        """Return whether the data has a column."""
        return f"{field}.npy" in self._columns

    def path(self, name: str) -> Path:
        """Return where a file lies, after it was fetched and checked.

        Raises:
            DataError: it is missing, damaged, or can't be fetched.
        """
        name = name.removeprefix("./")
        path, entry = self.folder / name, self._unchecked.get(name)
        if entry is None:
            return path
        if self.remote is not None:
            self.remote.fetch(name, entry, path)
        else:
            try:
                checked(path, entry)
            except OSError as error:
                raise damaged(self.folder, f"{name} is missing or unreadable", AGAIN) from error
            except ChangedError as error:
                raise damaged(self.folder, f"{name} has changed: {error}", AGAIN) from error
        del self._unchecked[name]
        return path

    def fetch_all(self) -> None:
        """Fetch the files that the folder lacks."""
        for name in list(self._unchecked) if self.remote is not None else ():
            self.path(name)

    def column(self, field: str, dtype: str) -> Values:
        """Return a column of all events, left on the disk."""
        if self._mapped:
            return self._load(field, dtype, 0)
        return Column(self.events, dtype, partial(self._load, field, dtype))

    def offsets(self, first: int, end: int) -> np.ndarray:
        """Return where the events of each user begin, in shards `first` to ``end - 1`` together."""
        if self._mapped:
            return self._load("offset", "<i8", 0)
        parts = [np.zeros(1, dtype="<i8")]
        for at in range(first, end):
            offset = self._load("offset", "<i8", at)
            if offset[0] != 0 or offset[-1] != self.events[at + 1] - self.events[at]:
                raise self._wrong(at, "offset", "the sequences of its users")
            parts.append(offset[1:] + (self.events[at] - self.events[first]))
        return np.concatenate(parts)

    def _load(self, field: str, dtype: str, at: int) -> np.ndarray:
        """Return a column of one shard, left on the disk."""
        bounds = self.users if field == "offset" else self.events
        rows = int(bounds[at + 1] - bounds[at]) + (field == "offset")
        path = self.path(f"{self._names[at]}/{field}.npy")
        try:
            values = np.load(path, mmap_mode="r")
        except (OSError, ValueError) as error:
            raise self._wrong(at, field, "an array") from error
        if values.shape != (rows,) or values.dtype != dtype:
            raise self._wrong(at, field, f"{rows:,} values")
        return values

    def _wrong(self, at: int, field: str, lacking: str) -> Exception:
        name = f"{self._names[at]}/{field}.npy".removeprefix("./")
        todo = () if self._mapped else (AGAIN,)
        return damaged(self.folder, f"{name} doesn't hold {lacking}", *todo)
