"""Open a dataset that was prepared elsewhere, in a folder or on an object store."""

import dataclasses
import hashlib
import json
import re
from enum import Enum
from pathlib import Path
from typing import Any

from filelock import FileLock

from seqrec.config.meaning import Meaning, meaning_of
from seqrec.config.schema import Prepare
from seqrec.disk.write import telling, write_file
from seqrec.errors import ConfigError, DataError
from seqrec.raw.spark.remote import is_url
from seqrec.store.index import INDEX, checked_text
from seqrec.store.remote import Remote
from seqrec.store.store import SequenceStore

WHOLE = "name a folder that has store.json and all its files; copy it again from where it is whole"


def open_prepared(place: str, settings: Prepare, cache: Path) -> SequenceStore:
    """Open a store; of one behind a URL, only the files that are read are fetched, and kept.

    Args:
        place: a folder, or a URL that fsspec can read.
        settings: has to be what the store was prepared with, because that is what a run says.
        cache: the folder of all prepared datasets; files are kept below it, under the hash of the
            store's index.

    Raises:
        ConfigError: it was prepared with other settings, or its URL can't be read.
        DataError: it is missing, damaged, or can't be fetched.
    """
    store = _remote(Remote(place), cache) if is_url(place) else _local(place)
    _check_settings(store, settings, place)
    return store


def steps_of(settings: Prepare) -> dict[str, Any]:
    """Return what decides what a store holds, fit for JSON: not how it is made or laid out."""
    return {
        name: value
        for name, value in plain(settings).items()
        if name != "shards" and meaning_of(f"prepare.{name}") is not Meaning.SPEED
    }


def plain(fields: Any) -> dict[str, Any]:
    """Return the values of a dataclass, fit for JSON."""
    values = dataclasses.asdict(fields)
    return {name: v.value if isinstance(v, Enum) else v for name, v in values.items()}


def _local(place: str) -> SequenceStore:
    try:
        return SequenceStore(place)
    except DataError as error:
        raise DataError(error.what, where=error.where, todo=WHOLE) from error


def _remote(remote: Remote, cache: Path) -> SequenceStore:
    text = remote.read(INDEX)
    index = checked_text(text, remote.url, WHOLE)
    name = re.sub(r"[^\w.-]", "_", index["name"]).lstrip(".")
    folder = cache / f"{name}-{hashlib.sha256(text).hexdigest()[:12]}"
    with telling(folder):
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder.with_name(f"{folder.name}.lock")):
            if not _has(folder / INDEX, text):
                write_file(folder / INDEX, text)
    return SequenceStore(folder, remote)


def _has(path: Path, content: bytes) -> bool:
    return path.is_file() and path.read_bytes() == content


def _check_settings(store: SequenceStore, settings: Prepare, place: str) -> None:
    """Refuse settings other than those that the store was prepared with, if it says which."""
    then, now = store.report.get("prepare"), steps_of(settings)
    if not isinstance(then, dict):  # of an older version
        return
    other = {key: then.get(key) for key in now if then.get(key) != now[key]}
    if other:
        raise ConfigError(
            "the dataset was prepared with other settings: "
            + ", ".join(f"prepare.{key}={_shown(now[key])}" for key in other)
            + " here",
            where=f"data.path={place}",
            todo=" ".join(f"prepare.{key}={_shown(value)}" for key, value in other.items()),
        )


def _shown(value: Any) -> str:
    return json.dumps(value).strip('"')
