"""Sequences on disk: dense ids, CSR arrays, memory-mapped, versioned and content-hashed."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from seqrec.disk.manifest import check_entry, entry_of
from seqrec.disk.write import replacing
from seqrec.errors import DataError

FORMAT = 3  # raised whenever the files or their meaning change
INDEX = "store.json"
KEYS: dict[str, type] = {  # of the index
    **dict.fromkeys(("n_users", "n_items", "n_interactions"), int),
    **{"name": str, "data_hash": str, "context": dict, "report": dict},
}
REPORT: dict[str, type] = {"rejected": dict, "steps": list}
STAMP: dict[str, type] = {"size": int, "mtime_ns": int, "sha256": str}  # of each file
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
        _checked_index(self.folder, full=True)

    def _column(self, name: str, dtype: str) -> np.ndarray:
        """Return an array of the folder, left on the disk."""
        rows = self.n_users + 1 if name == "offset" else self.n_interactions
        try:
            values = np.load(self.folder / f"{name}.npy", mmap_mode="r")
        except (OSError, ValueError) as error:
            raise _damaged(self.folder, f"{name}.npy is missing or unreadable") from error
        if values.shape != (rows,) or values.dtype != dtype:
            raise _damaged(self.folder, f"{name}.npy doesn't hold {rows:,} values")
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


@dataclass(frozen=True)
class Blocks:
    """An array that is made block by block."""

    length: int
    blocks: Iterable[np.ndarray]

    def __len__(self) -> int:
        return self.length


Values = np.ndarray | Blocks


def write(
    folder: Path,
    *,
    name: str,
    arrays: Mapping[str, Values | None],
    context: Mapping[str, tuple[Values, list[str] | None]],
    users: pl.DataFrame,
    items: pl.DataFrame,
    report: Mapping[str, Any],
) -> None:
    """Write a store into `folder`, which must exist and be empty.

    Args:
        folder: where to write.
        name: of the source.
        arrays: offset, item, timestamp, rating and part, see :class:`SequenceStore`; each whole,
            or in :class:`Blocks`, of which one is in memory at a time.
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
            for block in _saved(folder / f"{field}.npy", values, dtype):
                digest.update(block)
    for at, (label, (values, names)) in enumerate(context.items()):
        digest.update(json.dumps([label, names]).encode())
        dtype = "<f4" if names is None else "<i4"
        for block in _saved(folder / f"context_{at}.npy", values, dtype):
            digest.update(block)
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
        "files": {path.name: entry_of(path) | _time(path) for path in sorted(folder.iterdir())},
    }
    _write_index(folder, index)


def _saved(path: Path, values: Values, dtype: str) -> Iterator[memoryview]:
    """Write an array as :func:`numpy.save` does, and yield its bytes block by block."""
    if not isinstance(values, Blocks):
        whole = np.ascontiguousarray(values, dtype=dtype)
        np.save(path, whole)
        yield whole.data.cast("B")
        return
    head = {"descr": dtype, "fortran_order": False, "shape": (len(values),)}
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, head)
        for block in values.blocks:
            content = np.ascontiguousarray(block, dtype=dtype).data.cast("B")
            file.write(content)
            yield content


def _time(path: Path) -> dict[str, int]:
    return {"mtime_ns": path.stat().st_mtime_ns}


def _write_index(folder: Path, index: dict[str, Any]) -> None:
    """Write the index with a hash of itself."""
    with replacing(folder / INDEX) as part:
        part.write_text(json.dumps(index | {"sha256": _hash_of(index)}, indent=1))


def _hash_of(index: dict[str, Any]) -> str:
    """Hash an index, without its own hash."""
    text = json.dumps({key: index[key] for key in sorted(index) if key != "sha256"})
    return hashlib.sha256(text.encode()).hexdigest()


def _checked_index(folder: Path, *, full: bool = False) -> dict[str, Any]:
    """Return the index of a store after checking that its files are the ones that were written.

    The index has a hash of itself. Of each file, size and content are checked: whole up to 32 MiB,
    and if its time has changed, as after a copy; else blocks of it (seqrec/disk/manifest.py).
    """
    index = _read_index(folder)
    moved = False
    for name, entry in index["files"].items():
        path = folder / name
        try:
            time = _time(path)
            check_entry(path, entry, full=full or time["mtime_ns"] != entry["mtime_ns"])
        except OSError as error:
            raise _damaged(folder, f"{name} is missing or unreadable") from error
        except ValueError as error:
            raise _damaged(folder, f"{name} has changed: {error}") from error
        moved = moved or time["mtime_ns"] != entry["mtime_ns"]
        entry |= time
    if moved:
        with suppress(OSError):  # a read-only cache: the contents are checked again next time
            _write_index(folder, index)
    return index


def _read_index(folder: Path) -> dict[str, Any]:
    """Read the index, and check its hash (of an older version, which has none, only the types)."""
    try:
        index = json.loads((folder / INDEX).read_bytes())
        version = index["format"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise _damaged(folder, f"{INDEX} is missing or unreadable") from error
    if version != FORMAT:
        raise _damaged(folder, f"it has format {version}, this program uses {FORMAT}")
    if "sha256" in index and index["sha256"] != _hash_of(index):
        raise _damaged(folder, f"{INDEX} has changed")
    files = index.get("files")
    if not (
        _has(index, KEYS)
        and _has(index["report"], REPORT)
        and isinstance(files, dict)
        and {"items.parquet", "users.parquet"} <= set(files)
        and all(isinstance(entry, dict) and _has(entry, STAMP) for entry in files.values())
    ):
        raise _damaged(folder, f"{INDEX} lacks entries")
    return index


def _has(entry: dict[str, Any], kinds: dict[str, type]) -> bool:
    """Return whether entries are there and of these types; a bool isn't a number."""
    found = {key: entry.get(key) for key in kinds}
    return all(isinstance(v, kinds[k]) and not isinstance(v, bool) for k, v in found.items())


def _damaged(folder: Path, fact: str) -> DataError:
    return DataError(
        f"the prepared dataset is damaged: {fact}",
        where=str(folder),
        todo="delete the folder; it is then prepared again",
    )
