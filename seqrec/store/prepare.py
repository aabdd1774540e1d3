"""From a source to a :class:`SequenceStore`, once: later uses open what is in the cache."""

import dataclasses
import errno
import hashlib
import json
import shutil
from enum import Enum
from pathlib import Path
from typing import Any

from filelock import FileLock

from seqrec.config.schema import Prepare
from seqrec.data.source import Source
from seqrec.errors import DataError
from seqrec.raw.say import say
from seqrec.store.encode import encode
from seqrec.store.store import FORMAT, SequenceStore, write

PLACES = ("raw_dir", "fetch_dir")  # where files are is no part of what they are


def prepare(source: Source, settings: Prepare, cache_dir: str | Path) -> SequenceStore:
    """Return the prepared dataset, from the cache if it is there.

    The cache folder's name holds a key made of the format version, the source's settings, the
    raw files' names, sizes and times, and `settings`: whatever changes one of them gives another
    folder. Many processes may call this at once; one prepares, the others wait for it.

    Args:
        source: where interactions come from.
        settings: the steps; see :class:`~seqrec.config.schema.Prepare`.
        cache_dir: folder of all prepared datasets.

    Raises:
        DataError: the raw data is missing or unusable, a step leaves nothing, the disk is full.
    """
    folder = Path(cache_dir).expanduser() / f"{source.name}-{_key(source, settings)[:12]}"
    try:
        return SequenceStore(folder)
    except DataError:
        folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{folder}.lock"):
        try:
            return SequenceStore(folder)  # another process was first
        except DataError as damage:
            if folder.exists():
                say(f"{damage.what}; preparing it again ({folder})")
                shutil.rmtree(folder)
        _build(source, settings, folder)
        return SequenceStore(folder)


def _build(source: Source, settings: Prepare, folder: Path) -> None:
    """Write the store beside its final place and move it there when it is complete."""
    building = folder.with_name(f"{folder.name}.building")
    shutil.rmtree(building, ignore_errors=True)  # left by a process that was killed
    encoded = encode(source.read(), settings, source.name)
    building.mkdir()
    try:
        write(building, name=source.name, **encoded)
        building.rename(folder)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise DataError(
            "the disk is full: the prepared dataset could not be written",
            where=str(folder.parent),
            todo="free some space, or set paths.cache_dir to another disk",
        ) from error
    finally:
        shutil.rmtree(building, ignore_errors=True)


def _key(source: Source, settings: Prepare) -> str:
    files = [(path.name, path.stat()) for path in source.files()]
    facts = {
        "format": FORMAT,
        "name": source.name,
        "source": _plain(source, without=PLACES),
        "files": [(name, stat.st_size, stat.st_mtime_ns) for name, stat in files],
        "prepare": _plain(settings),
    }
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def _plain(fields: Any, without: tuple[str, ...] = ()) -> dict[str, Any]:
    """Values of a dataclass, fit for JSON."""
    values = dataclasses.asdict(fields)
    return {
        name: value.value if isinstance(value, Enum) else value
        for name, value in values.items()
        if name not in without
    }
