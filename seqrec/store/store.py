"""Sequences on disk: dense ids, CSR arrays, memory-mapped, versioned and content-hashed."""

import hashlib
import json
from collections.abc import Mapping
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from seqrec.errors import DataError
from seqrec.raw.get.fetch import sha256_of

FORMAT = 3  # raised whenever the files or their meaning change
INDEX = "store.json"
KEYS = ("name", "data_hash", "n_users", "n_items", "n_interactions", "context", "report")
STAMP = ("size", "mtime_ns", "sha256")  # of each file
HASHED = 1 << 20  # ids that are hashed at once
ARRAYS = {"offset": "<i8", "item": "<i4", "timestamp": "<i8", "rating": "<f4", "part": "<i1"}
REQUIRED = ("offset", "item", "timestamp", "rating")  # hashed by name even where data lacks them


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
        index = _checked_index(self.folder)
        self.name: str = index["name"]
        self.data_hash: str = index["data_hash"]
        self.items_hash: str = index["files"]["items.parquet"]["sha256"]
        self.users_hash: str = index["files"]["users.parquet"]["sha256"]
        self.report: dict[str, Any] = index["report"]
        self.n_users: int = index["n_users"]
        self.n_items: int = index["n_items"]
        self.n_interactions: int = index["n_interactions"]
        for field in ARRAYS:
            path = self.folder / f"{field}.npy"
            written = path.name in index["files"]
            setattr(self, field, np.load(path, mmap_mode="r") if written else None)
        context: dict[str, list[str] | None] = index["context"]
        self.context = {
            name: np.load(self.folder / f"context_{at}.npy", mmap_mode="r")
            for at, name in enumerate(context)
        }
        self.categories = {name: names for name, names in context.items() if names is not None}

    def __repr__(self) -> str:
        counts = f"{self.n_users:,} users, {self.n_items:,} items, {self.n_interactions:,}"
        return f"SequenceStore({self.name}: {counts} interactions)"

    def __len__(self) -> int:
        return self.n_users

    def __reduce__(self) -> tuple:
        return (SequenceStore, (self.folder,))

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
    context: Mapping[str, tuple[np.ndarray, list[str] | None]],
    users: pl.DataFrame,
    items: pl.DataFrame,
    report: Mapping[str, Any],
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
    """
    digest = hashlib.sha256(b"seqrec sequences 1")
    for field, dtype in ARRAYS.items():
        values = arrays.get(field)
        if field in REQUIRED or values is not None:
            digest.update(field.encode())
        if values is not None:
            values = np.ascontiguousarray(values, dtype=dtype)
            np.save(folder / f"{field}.npy", values)
            digest.update(values.data.cast("B"))
    for at, (label, (values, names)) in enumerate(context.items()):
        values = np.ascontiguousarray(values, dtype="<f4" if names is None else "<i4")
        np.save(folder / f"context_{at}.npy", values)
        digest.update(json.dumps([label, names]).encode())
        digest.update(values.data.cast("B"))
    for ids in (users["user"], items["item"]):
        digest.update(np.ascontiguousarray(ids.str.len_bytes().to_numpy(), "<u4").tobytes())
        for at in range(0, len(ids), HASHED):
            digest.update("".join(ids.slice(at, HASHED)).encode())
    users.write_parquet(folder / "users.parquet")
    items.write_parquet(folder / "items.parquet")
    index = {
        "format": FORMAT,
        "name": name,
        "data_hash": digest.hexdigest(),
        "n_users": len(users),
        "n_items": len(items),
        "n_interactions": len(arrays["item"]),  # type: ignore[arg-type]
        "context": {label: names for label, (_, names) in context.items()},
        "report": dict(report),
        "files": {path.name: _stamp(path, sha256_of(path)) for path in sorted(folder.iterdir())},
    }
    _write_index(folder, index)


def _stamp(path: Path, sha256: str) -> dict[str, Any]:
    stat = path.stat()
    return {"size": stat.st_size, "mtime_ns": stat.st_mtime_ns, "sha256": sha256}


def _write_index(folder: Path, index: dict[str, Any]) -> None:
    part = folder / f"{INDEX}.part"
    part.write_text(json.dumps(index, indent=1))
    part.replace(folder / INDEX)


def _checked_index(folder: Path) -> dict[str, Any]:
    """Return the index of a store after checking that its files are the ones that were written.

    Sizes and times are compared; contents only if a time has changed, as after a copy.
    """
    try:
        index = json.loads((folder / INDEX).read_text())
        version = index["format"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _damaged(folder, f"{INDEX} is missing or unreadable") from error
    if version != FORMAT:
        raise _damaged(folder, f"it has format {version}, this program uses {FORMAT}")
    try:
        files = {name: {key: stamp[key] for key in STAMP} for name, stamp in index["files"].items()}
        index = {key: index[key] for key in KEYS} | {"format": version, "files": files}
    except (KeyError, TypeError, AttributeError) as error:
        raise _damaged(folder, f"{INDEX} lacks entries") from error
    moved = False
    for name, stamp in files.items():
        path = folder / name
        if not path.is_file() or path.stat().st_size != stamp["size"]:
            raise _damaged(folder, f"{name} is missing or cut off")
        if path.stat().st_mtime_ns != stamp["mtime_ns"]:
            if sha256_of(path) != stamp["sha256"]:
                raise _damaged(folder, f"{name} has changed")
            files[name] = _stamp(path, stamp["sha256"])
            moved = True
    if moved:
        with suppress(OSError):  # a read-only cache: the contents are checked again next time
            _write_index(folder, index)
    return index


def _damaged(folder: Path, fact: str) -> DataError:
    return DataError(
        f"the prepared dataset is damaged: {fact}",
        where=str(folder),
        todo="delete the folder; it is then prepared again",
    )
