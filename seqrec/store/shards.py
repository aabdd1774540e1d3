"""Stores whose sequences lie in shards: folders with the arrays of some of the users each.

Shards are written independently, by any number of processes, and :func:`close` makes a store of
them. It has the same hash as a store of the same data in one folder.
"""

import hashlib
import json
import shutil
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from seqrec.errors import DataError
from seqrec.store.blocks import Blocks, parts_of
from seqrec.store.index import ARRAYS, FORMAT, TABLES, Entry, entries_of, write_index

REQUIRED = ("offset", "item", "timestamp", "rating")  # hashed by name even where data lacks them
HASHED = 1 << 20  # ids that are hashed at once
Names = list[str] | None  # of the codes of a context column; None: it has numbers
Array = np.ndarray | Blocks
Columns = Mapping[str, tuple[Array, Names]]


def write_shard(
    folder: Path,
    number: int,
    *,
    first_user: int,
    arrays: Mapping[str, np.ndarray | None],
    context: Columns | None = None,
) -> Entry:
    """Write the sequences of consecutive users as ``shard-NNNNN`` of a store, whole or not at all.

    A shard that is written again, as by a second attempt of a task, replaces the first.

    Args:
        folder: of the store; it must exist.
        number: of the shard, from 0; the order of numbers needn't be that of users.
        first_user: number of the first user; at least one is in each shard.
        arrays: offset (from 0 within the shard), item, timestamp, rating and part, as
            :class:`~seqrec.store.store.SequenceStore` has them; a column is in all shards or none.
        context: context columns, each with the names of its codes (None: numbers), which are those
            of the whole store, as is the order of the columns.

    Returns:
        What :func:`close` needs to know of the shard, fit for JSON.

    Raises:
        ValueError: `offset` doesn't begin with 0 and rise to the number of events.
        OSError: it can't be written.
    """
    offset, events = arrays["offset"], len(arrays["item"])  # type: ignore[arg-type]
    assert offset is not None
    if len(offset) < 2 or offset[0] != 0 or offset[-1] != events or (np.diff(offset) < 0).any():
        raise ValueError(f"the offsets of a shard of {events:,} events are from 0 to this number")
    return _write_shard(folder, number, first_user, columns(arrays, context or {}))


def _write_shard(folder: Path, number: int, first_user: int, arrays: Mapping[str, Array]) -> Entry:
    name = f"shard-{number:05d}"
    part = folder / f"{name}.{uuid.uuid4().hex}.part"
    part.mkdir()
    try:
        save(part, arrays)
        files = entries_of(part)
        shutil.rmtree(folder / name, ignore_errors=True)
        part.rename(folder / name)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    users = [first_user, first_user + len(arrays["offset"]) - 1]
    return {"name": name, "users": users, "events": len(arrays["item"]), "files": files}


def write_shards(folder: Path, number: int, arrays: Mapping[str, Array]) -> list[Entry]:
    """Write sequences as so many shards, at most one per user, of similar numbers of events.

    Args:
        folder: of the store; columns in blocks lie there whole until the shards are written.
        number: of shards.
        arrays: the columns by the name of their file, see :func:`columns`.
    """
    apart = folder / "whole"
    apart.mkdir()
    in_blocks = {field: values for field, values in arrays.items() if isinstance(values, Blocks)}
    whole: dict[str, Any] = {**arrays, **save(apart, in_blocks)}
    offset, entries = whole.pop("offset"), []
    for at, (first, end) in enumerate(pairwise(cuts(offset, number))):
        events = slice(offset[first], offset[end])
        own = {field: values[events] for field, values in whole.items()}
        own["offset"] = offset[first : end + 1] - offset[first]
        entries.append(_write_shard(folder, at, int(first), own))
    shutil.rmtree(apart)
    return entries


def close(
    folder: Path,
    *,
    name: str,
    shards: Iterable[Entry],
    context: Mapping[str, Names],
    report: Mapping[str, Any],
) -> None:
    """Make a store of shards: read them once for the hash of the data, and write the index.

    Args:
        folder: holds the shards, ``users.parquet`` (columns index, user and attributes) and
            ``items.parquet`` (columns index, item, title and features), and nothing else.
        name: of the source.
        shards: what :func:`write_shard` returned for each, in any order.
        context: names of the context columns, each with those of its codes; None: numbers.
        report: what the preparation did.

    Raises:
        DataError: the shards don't have each user once, or not the same columns.
        OSError: a file can't be read or written.
    """
    ordered = sorted(shards, key=lambda shard: shard["users"][0])
    ids = [
        pl.scan_parquet(folder / f"{one}s.parquet").select(one).cast(pl.String)
        for one in ("user", "item")
    ]
    n_users, n_items = (column.select(pl.len()).collect().item() for column in ids)
    _check_users(folder, ordered, n_users)
    fields = _common_columns(folder, ordered)

    def load(field: str) -> Iterator[np.ndarray]:
        for shard in ordered:
            path = folder / shard["name"] / f"{field}.npy"
            if field == "offset":  # of one shard, whole
                yield np.load(path)
            else:
                yield from parts_of(path)

    index = {
        "format": FORMAT,
        "name": name,
        "data_hash": data_hash(load, fields, context, ids),
        "n_users": n_users,
        "n_items": n_items,
        "n_interactions": sum(shard["events"] for shard in ordered),
        "context": dict(context),
        "report": dict(report),
        "files": {k: entry for k, entry in entries_of(folder).items() if k in TABLES},
        "shards": ordered,
    }
    write_index(folder, index)


def columns(arrays: Mapping[str, Array | None], context: Columns) -> dict[str, Array]:
    """Return the columns of a store or shard by the name of their file, as they are written."""
    found = {
        field: _typed(values, dtype)
        for field, dtype in ARRAYS.items()
        if (values := arrays.get(field)) is not None
    }
    for at, (values, names) in enumerate(context.values()):
        found[f"context_{at}"] = _typed(values, "<f4" if names is None else "<i4")
    return found


def save(folder: Path, arrays: Mapping[str, Array]) -> dict[str, np.ndarray]:
    """Write each array as a file, and return it; one in blocks is mapped to memory."""
    saved = {}
    for field, values in arrays.items():
        path = folder / f"{field}.npy"
        if isinstance(values, Blocks):
            saved[field] = values.save(path)
        else:
            np.save(path, values)
            saved[field] = values
    return saved


def _typed(values: Array, dtype: str) -> Array:
    if isinstance(values, Blocks):
        return replace(values, dtype=dtype)
    return np.ascontiguousarray(values, dtype=dtype)


def cuts(offset: np.ndarray, number: int) -> np.ndarray:
    """Cut consecutive things into parts of similar size, of at least one thing each.

    Args:
        offset: int64 (n + 1,): where each of n things begins, and the size of all.
        number: of parts, at most n.

    Returns:
        int64 (number + 1,): the first thing of each part, and n.
    """
    n, place = len(offset) - 1, np.arange(number + 1)
    wanted = np.searchsorted(offset, offset[-1] * place / number)
    least = np.maximum.accumulate(wanted - place) + place
    return np.minimum(least, n - number + place)


def data_hash(
    load: Callable[[str], Iterable[np.ndarray]],
    fields: Iterable[str],
    context: Mapping[str, Names],
    ids: Iterable[pl.LazyFrame],
) -> str:
    """Return the hash of sequences and original ids, however many shards they lie in.

    Args:
        load: yields a column's values, in any parts; the offsets of each shard whole, from 0.
        fields: the columns that there are.
        context: names of the context columns, each with those of its codes.
        ids: the original ids of users and of items, one column each.
    """
    digest, fields = hashlib.sha256(b"seqrec sequences 1"), set(fields)
    for field in ARRAYS:
        if field in REQUIRED or field in fields:
            digest.update(field.encode())
        if field in fields:
            for values in _whole(load(field)) if field == "offset" else load(field):
                digest.update(values.data.cast("B"))
    for at, (label, names) in enumerate(context.items()):
        digest.update(json.dumps([label, names]).encode())
        for values in load(f"context_{at}"):
            digest.update(values.data.cast("B"))
    for column in ids:
        for part in _parts(column.select(pl.first().str.len_bytes())):
            digest.update(np.ascontiguousarray(part.to_numpy(), "<u4").tobytes())
        for part in _parts(column):
            digest.update("".join(part).encode())
    return digest.hexdigest()


def _whole(offsets: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    """Yield the parts of the offsets of all shards together."""
    before = 0
    yield np.zeros(1, dtype="<i8")
    for offset in offsets:
        yield offset[1:] + before
        before += int(offset[-1])


def _parts(column: pl.LazyFrame) -> Iterator[pl.Series]:
    rows = column.select(pl.len()).collect().item()
    for at in range(0, rows, HASHED):
        yield column.slice(at, HASHED).collect().to_series()


def _check_users(folder: Path, shards: Sequence[Entry], n_users: int) -> None:
    end = 0
    for first, last in [*(shard["users"] for shard in shards), [n_users, n_users]]:
        if first != end:
            fact = f"from {end:,} to {first:,}" if first > end else f"before {end:,}"
            raise DataError(
                f"the shards don't have each of the {n_users:,} users once: see those {fact}",
                where=str(folder),
                todo="write all shards again",
            )
        end = last


def _common_columns(folder: Path, shards: Sequence[Entry]) -> list[str]:
    """Return the columns that all shards have."""
    found = sorted({tuple(sorted(shard["files"])) for shard in shards})
    if len(found) != 1:
        raise DataError(
            f"the shards have different columns: {', '.join(found[0])}; {', '.join(found[1])}",
            where=str(folder),
            todo="write all shards again",
        )
    return [name.removesuffix(".npy") for name in found[0]]
