"""Sequences on disk: dense ids, CSR arrays, memory-mapped, versioned and content-hashed."""

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from seqrec.store.index import ARRAYS, FORMAT, checked_index, damaged, entries_of, write_index
from seqrec.store.shards import Columns, close, columns, data_hash, save, write_shards


class SequenceStore:
    """All sequences of a prepared dataset, by user, oldest event first.

    The events of user ``u`` are ``item[offset[u]:offset[u + 1]]``. Users are ``0 .. n_users - 1``,
    items ``1 .. n_items``; item 0 is the padding.

    Args:
        folder: a folder written by :func:`write`.

    Attributes:
        offset: int64 (n_users + 1,).
        item: int32 (n_interactions,).
        timestamp: int64 (n_interactions,), milliseconds since 1970 UTC, or None.
        rating: float32 (n_interactions,), or None.
        part: int8 (n_interactions,), 0 training, 1 validation, 2 test, of a published split, whose
            parts follow one another in each sequence; or None.
        context: context columns by name, (n_interactions,): int32 codes of categories, 0 where
            unknown, or float32 numbers, NaN where unknown.
        categories: names of the codes 1, 2, ... of each context column of categories.
        name: of the source.
        data_hash: sha256 of the sequences and the original ids; equal on every machine.
        items_hash: sha256 of the table of items: ids, titles and features.
        users_hash: sha256 of the table of users: ids and attributes.
        report: ``rejected`` rows by reason; ``steps``: users, items and interactions after each
            step of the preparation; and ``notes``: what people should know, in sentences.

    Raises:
        DataError: the folder is half-written, damaged, or of another format version.
    """

    offset: np.ndarray
    item: np.ndarray
    timestamp: np.ndarray | None
    rating: np.ndarray | None
    part: np.ndarray | None
    context: dict[str, np.ndarray]
    categories: dict[str, list[str]]

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        index = checked_index(self.folder)
        self.name: str = index["name"]
        self.data_hash: str = index["data_hash"]
        self.items_hash: str = index["files"]["items.parquet"]["sha256"]
        self.users_hash: str = index["files"]["users.parquet"]["sha256"]
        self.report: dict[str, Any] = index["report"]
        self.n_users: int = index["n_users"]
        self.n_items: int = index["n_items"]
        self.n_interactions: int = index["n_interactions"]
        for field in ARRAYS:
            written = f"{field}.npy" in index["files"]
            setattr(self, field, self._column(field, ARRAYS[field]) if written else None)
        context: dict[str, list[str] | None] = index["context"]
        self.context = {
            name: self._column(f"context_{at}", "<f4" if names is None else "<i4")
            for at, (name, names) in enumerate(context.items())
        }
        self.categories = {name: names for name, names in context.items() if names is not None}

    def __repr__(self) -> str:
        counts = f"{self.n_users:,} users, {self.n_items:,} items, {self.n_interactions:,}"
        return f"SequenceStore({self.name}: {counts} interactions)"

    def __len__(self) -> int:
        return self.n_users

    def __reduce__(self) -> tuple:
        return (SequenceStore, (self.folder,))

    def verify(self) -> None:
        """Check every byte of the files; opening a store reads blocks of those past 32 MiB.

        Raises:
            DataError: a file isn't the one that was written.
        """
        checked_index(self.folder, full=True)

    def _column(self, name: str, dtype: str) -> np.ndarray:
        """Return an array of the folder, left on the disk."""
        rows = self.n_users + 1 if name == "offset" else self.n_interactions
        try:
            values = np.load(self.folder / f"{name}.npy", mmap_mode="r")
        except (OSError, ValueError) as error:
            raise damaged(self.folder, f"{name}.npy is missing or unreadable") from error
        if values.shape != (rows,) or values.dtype != dtype:
            raise damaged(self.folder, f"{name}.npy doesn't hold {rows:,} values")
        return values

    def users(self) -> pl.DataFrame:
        """Return the columns index, user (the original id), attributes."""
        return self._users

    def items(self) -> pl.DataFrame:
        """Return index (from 1), item (the original id), title (null if unknown), features."""
        return self._items

    @cached_property
    def _users(self) -> pl.DataFrame:
        return pl.read_parquet(self.folder / "users.parquet")

    @cached_property
    def _items(self) -> pl.DataFrame:
        return pl.read_parquet(self.folder / "items.parquet")


def write(
    folder: Path,
    *,
    name: str,
    arrays: Mapping[str, np.ndarray | None],
    context: Columns,
    users: pl.DataFrame,
    items: pl.DataFrame,
    report: Mapping[str, Any],
    shards: int | None = None,
) -> None:
    """Write a store into `folder`, which must exist and be empty.

    Args:
        folder: where to write.
        name: of the source.
        arrays: offset, item, timestamp, rating and part, see :class:`SequenceStore`.
        context: context columns, each with the names of its codes; None: numbers.
        users: columns index, user and attributes.
        items: columns index, item, title and features.
        report: what the preparation did.
        shards: in how many shards of similar size, at most one per user; None: in one folder.
    """
    users.write_parquet(folder / "users.parquet")
    items.write_parquet(folder / "items.parquet")
    names = {label: codes for label, (_, codes) in context.items()}
    written = columns(arrays, context)
    if shards is not None:
        entries = write_shards(folder, min(shards, len(users)), arrays, context)
        close(folder, name=name, shards=entries, context=names, report=report)
        return
    save(folder, written)
    ids = (users.lazy().select("user"), items.lazy().select("item"))
    index = {
        "format": FORMAT,
        "name": name,
        "data_hash": data_hash(lambda field: [written[field]], written, names, ids),
        "n_users": len(users),
        "n_items": len(items),
        "n_interactions": len(written["item"]),
        "context": names,
        "report": dict(report),
        "files": entries_of(folder),
    }
    write_index(folder, index)
