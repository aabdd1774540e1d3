"""Sequences on disk: dense ids, CSR arrays, memory-mapped, versioned and content-hashed."""

from collections.abc import Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from seqrec.errors import ConfigError
from seqrec.store.blocks import Blocks, parts_of
from seqrec.store.files import Files, Values
from seqrec.store.index import (
    ARRAYS,
    FORMAT,
    checked_index,
    entries_of,
    read_index,
    write_index,
)
from seqrec.store.peers import ALONE, Peers
from seqrec.store.remote import Remote
from seqrec.store.shards import Columns, close, columns, cuts, data_hash, save, write_shards

COLUMNS = ("item", "timestamp", "rating", "part")  # besides the offsets and the context


class SequenceStore:
    """All sequences of a prepared dataset, by user, oldest event first.

    The events of user ``u`` are ``item[offset[u]:offset[u + 1]]``. Users are ``0 .. n_users - 1``,
    items ``1 .. n_items``; item 0 is the padding. Where the sequences lie in shards, columns of
    events are a :class:`~seqrec.store.column.Column`, and shards are read when they are needed.

    Args:
        folder: a folder written by :func:`write` or :func:`~seqrec.store.shards.close`.
        remote: from where files that the folder lacks are fetched; None: it has all of them.

    Attributes:
        item: int32 (n_interactions,).
        timestamp: int64 (n_interactions,), milliseconds since 1970 UTC, or None.
        rating: float32 (n_interactions,), or None.
        part: int8 (n_interactions,), 0 training, 1 validation, 2 test, of a published split, whose
            parts follow one another in each sequence; or None.
        context: context columns by name, (n_interactions,): int32 codes of categories, 0 where
            unknown, or float32 numbers, NaN where unknown.
        categories: names of the codes 1, 2, ... of each context column of categories.
        name: of the source.
        data_hash: sha256 of the sequences and the original ids; equal on every machine, and for
            any number of shards.
        items_hash: sha256 of the table of items: ids, titles and features.
        users_hash: sha256 of the table of users: ids and attributes.
        report: ``rejected`` rows by reason; ``steps``: users, items and interactions after each
            step of the preparation; and ``notes``: what people should know, in sentences.
        n_shards: in how many shards the sequences lie; 0: in one folder.
        first_user, first_event: where the users and events of a share begin in the whole.
        peers: the processes that have shares of the store; alone, this one has it all.

    Raises:
        DataError: the folder is half-written, damaged, or of another format version.
    """

    item: Values
    timestamp: Values | None
    rating: Values | None
    part: Values | None
    context: dict[str, Values]
    categories: dict[str, list[str]]

    def __init__(self, folder: str | Path, remote: Remote | None = None) -> None:
        self.folder, self.remote = Path(folder), remote
        index = checked_index(self.folder) if remote is None else read_index(self.folder)
        self.name: str = index["name"]
        self.data_hash: str = index["data_hash"]
        self.items_hash: str = index["files"]["items.parquet"]["sha256"]
        self.users_hash: str = index["files"]["users.parquet"]["sha256"]
        self.report: dict[str, Any] = index["report"]
        self.n_users: int = index["n_users"]
        self.n_items: int = index["n_items"]
        self.n_interactions: int = index["n_interactions"]
        self.n_shards = len(index.get("shards", ()))
        self.first_user, self.first_event = 0, 0
        self.peers: Peers = ALONE
        self._whole: SequenceStore | None = None
        self._own: SequenceStore | None = None
        self._files = files = Files(self.folder, index, remote)
        for field in COLUMNS:
            found = files.column(field, ARRAYS[field]) if files.has(field) else None
            setattr(self, field, found)
        context: dict[str, list[str] | None] = index["context"]
        self.context = {
            name: files.column(f"context_{at}", "<f4" if names is None else "<i4")
            for at, (name, names) in enumerate(context.items())
        }
        self.categories = {name: names for name, names in context.items() if names is not None}

    def __repr__(self) -> str:
        counts = f"{self.n_users:,} users, {self.n_items:,} items, {self.n_interactions:,}"
        return f"SequenceStore({self.name}: {counts} interactions)"

    def __len__(self) -> int:
        return self.n_users

    def __reduce__(self) -> tuple:
        return (SequenceStore, (self.folder, self.remote))

    @cached_property
    def offset(self) -> np.ndarray:
        """Where each user's events begin, and their number; int64 (n_users + 1,)."""
        return self._files.offsets(0, max(1, self.n_shards))

    @property
    def whole(self) -> "SequenceStore":
        """This store, or that which it is a share of."""
        return self._whole or self

    @property
    def own(self) -> "SequenceStore":
        """The share of this process; this store, if no others share it."""
        return self._own or self

    def shared_by(self, peers: Peers) -> "SequenceStore":
        """Return this store as one of several processes knows it, which reads its own share alone.

        Raises:
            ConfigError: there are fewer shards than processes.
        """
        shared = self._copy()
        shared.peers = peers
        shared._own = shared.share(peers.rank, peers.world)
        return shared

    def share(self, rank: int, world: int) -> "SequenceStore":
        """Return the sequences that one of several processes works on: shards that lie together.

        All processes get about equally many events. In a share, users and events are counted from
        0; items, and the tables of users and items, are those of the whole store.

        Args:
            rank: the process.
            world: how many there are.

        Raises:
            ConfigError: there are fewer shards than processes.
        """
        if world == 1:
            return self
        files, own, bounds = self._files, self._copy(), self._shares(world)
        first, end = bounds[rank], bounds[rank + 1]
        own._whole, own._own, own.n_shards = self, None, end - first
        own.first_user, own.first_event = int(files.users[first]), int(files.events[first])
        own.n_users = int(files.users[end]) - own.first_user
        own.n_interactions = int(files.events[end]) - own.first_event
        own.offset = files.offsets(first, end)
        for field in COLUMNS:
            if (column := getattr(self, field)) is not None:
                setattr(own, field, column.of_shards(first, end))
        event: dict[str, Any] = self.context
        own.context = {name: column.of_shards(first, end) for name, column in event.items()}
        return own

    def _copy(self) -> "SequenceStore":
        """Return another of the same files; :func:`copy.copy` would open them again."""
        other = object.__new__(SequenceStore)
        other.__dict__.update(self.__dict__)
        return other

    def users_of_shares(self, world: int) -> list[int]:
        """Return the first user of each process's share, and the number of users; reads nothing."""
        return [int(self._files.users[at]) for at in self._shares(world)]

    def _shares(self, world: int) -> list[int]:
        """Return the first shard of each process, and the number of shards."""
        if self.n_shards < world:
            raise ConfigError(
                f"{world} processes can't share the {self.n_shards} shards of {self.name}",
                where="batch.shuffle=shards",
                todo=f"set prepare.shards to at least {world}, or batch.shuffle=all",
            )
        return cuts(self._files.events, world).tolist()

    def verify(self) -> None:
        """Check every byte of the files; opening a store reads blocks of those past 32 MiB.

        Raises:
            DataError: a file isn't the one that was written.
        """
        self._files.fetch_all()
        checked_index(self.folder, full=True)

    def users(self) -> pl.DataFrame:
        """Return the columns index, user (the original id), attributes."""
        return self._users

    def items(self) -> pl.DataFrame:
        """Return index (from 1), item (the original id), title (null if unknown), features."""
        return self._items

    @cached_property
    def _users(self) -> pl.DataFrame:
        return pl.read_parquet(self._files.path("users.parquet"))

    @cached_property
    def _items(self) -> pl.DataFrame:
        return pl.read_parquet(self._files.path("items.parquet"))


def write(
    folder: Path,
    *,
    name: str,
    arrays: Mapping[str, np.ndarray | Blocks | None],
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
        arrays: offset, item, timestamp, rating and part, see :class:`SequenceStore`; each whole,
            or in :class:`~seqrec.store.blocks.Blocks`, of which one is in memory at a time.
        context: context columns, each with the names of its codes; None: numbers.
        users: columns index, user and attributes.
        items: columns index, item, title and features.
        report: what the preparation did.
        shards: in how many shards of similar size, at most one per user; None: in one folder.
    """
    users.write_parquet(folder / "users.parquet")
    items.write_parquet(folder / "items.parquet")
    names = {label: codes for label, (_, codes) in context.items()}
    if shards is not None:
        entries = write_shards(folder, min(shards, len(users)), columns(arrays, context))
        close(folder, name=name, shards=entries, context=names, report=report)
        return
    given = columns(arrays, context)
    written = save(folder, given)

    def load(field: str) -> Iterable[np.ndarray]:
        if isinstance(given[field], Blocks):  # mapped, all of it would count as memory in use
            return parts_of(folder / f"{field}.npy")
        return [written[field]]

    ids = (users.lazy().select("user"), items.lazy().select("item"))
    index = {
        "format": FORMAT,
        "name": name,
        "data_hash": data_hash(load, written, names, ids),
        "n_users": len(users),
        "n_items": len(items),
        "n_interactions": len(written["item"]),
        "context": names,
        "report": dict(report),
        "files": entries_of(folder),
    }
    write_index(folder, index)
