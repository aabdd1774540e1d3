"""Prepare a source as a :class:`SequenceStore`, once: later uses open it from the cache."""

import dataclasses
import hashlib
import json
import shutil
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from enum import Enum
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl
from filelock import FileLock

from seqrec.config.meaning import Meaning, meaning_of
from seqrec.config.schema import Prepare
from seqrec.disk.write import is_full
from seqrec.errors import ColumnsError, DataError
from seqrec.raw.parse.hints import AS_PUBLISHED
from seqrec.raw.source import Interactions, Source
from seqrec.store.encode import encode
from seqrec.store.large import encoded_on_disk
from seqrec.store.plan import events_at_once
from seqrec.store.store import FORMAT, SequenceStore, write
from seqrec.terminal.say import say


def prepare(source: Source, settings: Prepare, cache_dir: str | Path) -> SequenceStore:
    """Return the prepared dataset, from the cache if possible.

    The cache folder's name holds a key made of the format version, the source's settings, the
    raw files' names, sizes and times, and `settings`: changing any of them gives another folder.
    Many processes may call this at once: one prepares, the rest wait.

    Args:
        source: where interactions come from.
        settings: the steps; see :class:`~seqrec.config.schema.Prepare`.
        cache_dir: the folder of all prepared datasets.
    Raises:
        DataError: the raw data is missing or unusable, a step leaves nothing, the disk is full,
            or the cache folder can't be written.
    """
    folder = Path(cache_dir).expanduser() / f"{source.name}-{_key(source, settings)[:12]}"
    with suppress(DataError):
        return SequenceStore(folder)  # nothing is written: the cache may be read-only
    with _writing(folder.parent):
        folder.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(f"{folder}.lock").acquire()
    with lock:
        try:
            return SequenceStore(folder)  # another process was first
        except DataError as damage:
            if folder.exists():
                say(f"{damage.what}; preparing it again ({folder})")
                with _writing(folder.parent):
                    _remove(folder)
        _build(source, settings, folder)
        return SequenceStore(folder)


def _build(source: Source, settings: Prepare, folder: Path) -> None:
    """Write the store next to its final place and rename it when it is complete."""
    building, parts = (folder.with_name(f"{folder.name}.{what}") for what in ("building", "parts"))
    with _writing(folder.parent):
        for left in (building, parts):  # by a process that was killed
            _remove(left)
    cache = folder.parent
    with _room(cache), _encoded(source, settings, parts) as encoded, _writing(cache):
        building.mkdir()
        try:
            write(building, name=source.name, **encoded)
            building.rename(folder)
        finally:
            shutil.rmtree(building, ignore_errors=True)


def _encoded(
    source: Source, settings: Prepare, parts: Path
) -> AbstractContextManager[dict[str, Any]]:
    """Encode a source in memory, or on disk if it needs more than it may."""
    at_once = events_at_once(source, settings, parts.parent)
    if at_once is None:
        return nullcontext(encode(_read(source), settings, source.name))
    return encoded_on_disk(partial(_read, source), settings, source.name, parts, at_once)


def _read(source: Source) -> Interactions:
    """Read a source; where it has no keys for its columns, no error proposes any.

    Raises:
        DataError: the files aren't what they should be.
    """
    try:
        return source.read()
    except ColumnsError as error:
        if {"user", "item"} <= _plain(source).keys():
            raise
        raise DataError(error.what, where=error.where, todo=AS_PUBLISHED) from error


@contextmanager
def _writing(cache: Path) -> Iterator[None]:
    """Turn the errors of writing into the cache into a :class:`DataError`."""
    try:
        with _room(cache):
            yield
    except (OSError, pl.exceptions.PolarsError) as error:
        raise DataError(
            f"the folder of prepared datasets can't be used: {error}",
            where=str(cache),
            todo="set paths.cache_dir or SEQREC_CACHE_DIR to a folder that you can write to",
        ) from error


@contextmanager
def _room(cache: Path) -> Iterator[None]:
    """Turn the error of a full disk into a :class:`DataError`."""
    try:
        yield
    except (OSError, pl.exceptions.PolarsError) as error:
        if not is_full(error):
            raise
        raise DataError(
            "the disk is full: the prepared dataset could not be written",
            where=str(cache),
            todo="free some space, or set paths.cache_dir to another disk",
        ) from error


def _remove(path: Path) -> None:
    """Remove a folder or a file, if it exists."""
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _key(source: Source, settings: Prepare) -> str:
    files = [(path.name, path.stat()) for path in source.files()]
    facts = {
        "format": FORMAT,
        "name": source.name,
        "source": {k: v for k, v in _plain(source).items() if not _is_place(f"data.{k}")},
        "files": [(name, stat.st_size, stat.st_mtime_ns) for name, stat in files],
        "prepare": {k: v for k, v in _plain(settings).items() if _is_result(f"prepare.{k}")},
    }
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def _is_place(key: str) -> bool:
    """Return whether a key only says where files are, not what they hold."""
    return meaning_of(key) is Meaning.PLACE


def _is_result(key: str) -> bool:
    """Return whether a key changes what is prepared, not only how."""
    return meaning_of(key) is Meaning.RESULT


def _plain(fields: Any) -> dict[str, Any]:
    """Return the values of a dataclass, fit for JSON."""
    values = dataclasses.asdict(fields)
    return {name: v.value if isinstance(v, Enum) else v for name, v in values.items()}
