"""Prepare a source as a :class:`SequenceStore`, once: later uses open it from the cache."""

import hashlib
import json
import shutil
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from functools import partial
from pathlib import Path
from tempfile import gettempdir
from typing import Any, cast

import polars as pl
from filelock import FileLock

from seqrec.config.meaning import Meaning, meaning_of
from seqrec.config.schema import Engine, Prepare
from seqrec.disk.write import is_full
from seqrec.errors import ColumnsError, DataError
from seqrec.raw.parse.hints import AS_PUBLISHED
from seqrec.raw.source import Distributed, Interactions, Source
from seqrec.raw.spark.remote import files_of
from seqrec.raw.spark.scratch import Scratch
from seqrec.raw.spark.session import check_spark, session
from seqrec.store.encode import encode
from seqrec.store.large import encoded_on_disk
from seqrec.store.plan import events_at_once
from seqrec.store.prepared import open_prepared, plain, steps_of
from seqrec.store.store import FORMAT, SequenceStore, write
from seqrec.terminal.say import say


def prepare(source: Source, settings: Prepare, cache_dir: str | Path) -> SequenceStore:
    """Return the prepared dataset, from the cache if possible.

    The cache folder's name holds a key made of the format version, the source's settings, the
    raw files' names, sizes and times, and `settings`: changing any of them gives another folder.
    Many processes may call this at once: one prepares, the rest wait.

    A source that is prepared already (``data=store``) is opened where it is.

    Args:
        source: where interactions come from.
        settings: the steps; see :class:`~seqrec.config.schema.Prepare`.
        cache_dir: the folder of all prepared datasets.

    Raises:
        ConfigError: a source that is prepared already was prepared with other settings.
        DataError: the raw data is missing or unusable, a step leaves nothing, the disk is full,
            or the cache folder can't be written.
    """
    place = getattr(source, "prepared", None)
    if place is not None:
        return open_prepared(place, settings, Path(cache_dir).expanduser())
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
    building = folder.with_name(f"{folder.name}.building")
    with _writing(folder.parent):
        _remove(building)  # left by a process that was killed
    make = _on_spark if settings.engine is Engine.spark else _here
    try:
        make(source, settings, building)
        with _writing(folder.parent):
            building.rename(folder)
    finally:
        shutil.rmtree(building, ignore_errors=True)


def _here(source: Source, settings: Prepare, building: Path) -> None:
    """Prepare on this machine: in memory, or on disk if that needs more than it may."""
    cache, parts = building.parent, building.with_suffix(".parts")
    with _writing(cache):
        _remove(parts)  # left by a process that was killed
    with _room(cache), _encoded(source, settings, parts) as encoded, _writing(cache):
        encoded["report"]["prepare"] = steps_of(settings)
        building.mkdir()
        write(building, name=source.name, shards=settings.shards, **encoded)


def _on_spark(source: Source, settings: Prepare, building: Path) -> None:
    """Prepare on Spark, with its tables on the way beside the store."""
    check_spark()
    scratch = building.with_name(f"{building.name}.spark")
    try:
        with _writing(building.parent):
            _remove(scratch)  # left by a process that was killed
            scratch.mkdir()
            building.mkdir()
        with session(settings.spark, scratch) as spark:
            from seqrec.store.spark.build import build

            tables = Scratch(spark, scratch)
            apart = _distributed(source)
            own = apart.read_on_spark(tables) if apart else _read(source)
            with _writing(building.parent):
                build(own, settings, source.name, building, tables)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


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
        if {"user", "item"} <= plain(source).keys():
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
    known = [(name, stat.st_size, stat.st_mtime_ns) for name, stat in files]
    facts = {
        "format": FORMAT,
        "name": source.name,
        "source": {k: v for k, v in plain(source).items() if not _is_place(f"data.{k}")},
        "files": known + _remote(source, settings),
        "prepare": _prepare_key(settings),
    }
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def _prepare_key(settings: Prepare) -> dict[str, Any]:
    """Return what a folder depends on: the steps, and its shards, if it has some."""
    shards = {} if settings.shards is None else {"shards": settings.shards}
    return steps_of(settings) | shards


def _distributed(source: Source) -> Distributed | None:
    """Return the source if it has files that only Spark reads."""
    return cast(Distributed, source) if getattr(source, "urls", None) else None


def _remote(source: Source, settings: Prepare) -> list[tuple[str, int, int]]:
    """Return the names, sizes and times of the files that only Spark reads."""
    apart = _distributed(source)
    if apart is None or settings.engine is not Engine.spark:
        return []  # reading them says what is wrong
    check_spark()
    with session(settings.spark, Path(gettempdir())) as spark:
        return [file for url in apart.urls for file in files_of(spark, url)]


def _is_place(key: str) -> bool:
    """Return whether a key only says where files are, not what they hold."""
    return meaning_of(key) is Meaning.PLACE
