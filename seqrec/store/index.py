"""The index of a store, ``store.json``: what the folder holds, with sizes and hashes."""

import hashlib
import json
import os
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from seqrec.disk.manifest import ChangedError, check_entry, entry_of
from seqrec.disk.write import replacing
from seqrec.errors import DataError

FORMAT = 3  # raised whenever the files or their meaning change
INDEX = "store.json"
ARRAYS = {"offset": "<i8", "item": "<i4", "timestamp": "<i8", "rating": "<f4", "part": "<i1"}
TABLES = ("items.parquet", "users.parquet")
KEYS: dict[str, type] = {  # of the index
    **dict.fromkeys(("n_users", "n_items", "n_interactions"), int),
    **{"name": str, "data_hash": str, "context": dict, "report": dict},
}
REPORT: dict[str, type] = {"rejected": dict, "steps": list}
STAMP: dict[str, type] = {"size": int, "mtime_ns": int, "sha256": str}  # of each file
SHARD: dict[str, type] = {"name": str, "users": list, "events": int, "files": dict}
PLAIN = re.compile(r"\w[\w.-]*")  # a name that can't lead out of the folder
PREPARED = "delete the folder; it is then prepared again"
AGAIN = "delete the folder; then prepare it again, or copy it again from where it is whole"
Entry = dict[str, Any]


def entries_of(folder: Path) -> dict[str, Entry]:
    """Return size, hashes and time of each file of a folder, by name."""
    files = (path for path in sorted(folder.iterdir()) if path.is_file())
    return {path.name: entry_of(path) | _time(path) for path in files}


def write_index(folder: Path, index: Entry) -> None:
    """Write the index with a hash of itself."""
    with replacing(folder / INDEX) as part:
        part.write_text(json.dumps(index | {"sha256": _hash_of(index)}, indent=1))


def checked_index(folder: Path, *, full: bool = False) -> Entry:
    """Return the index of a store after checking that its files are the ones that were written.

    The index has a hash of itself. Of each file, size and content are checked: whole up to 32 MiB,
    and if its time has changed, as after a copy; else blocks of it (seqrec/disk/manifest.py). Of
    a shard's files, it is the sizes; their content is checked when they are first read.

    Args:
        folder: of the store.
        full: read all of large files, too.

    Raises:
        DataError: the folder is half-written, damaged, or of another format version.
    """
    index = read_index(folder)
    moved = False
    for name, entry in files_of_shards(index):
        _check_shard(folder, name, entry, full=full)
    for name, entry in index["files"].items():
        path = folder / name
        try:
            time = _time(path)
            check_entry(path, entry, full=full or time["mtime_ns"] != entry["mtime_ns"])
        except OSError as error:
            raise damaged(folder, f"{name} is missing or unreadable") from error
        except ValueError as error:
            raise damaged(folder, f"{name} has changed: {error}") from error
        moved = moved or time["mtime_ns"] != entry["mtime_ns"]
        entry |= time
    if moved:
        with suppress(OSError):  # a read-only cache: the contents are checked again next time
            write_index(folder, index)
    return index


def read_index(folder: Path) -> Entry:
    """Read the index, and check its hash (of an older version, which has none, only the types).

    Raises:
        DataError: it is missing, damaged, or of another format version.
    """
    try:
        text = (folder / INDEX).read_bytes()
    except OSError as error:
        raise damaged(folder, f"{INDEX} is missing or unreadable") from error
    return checked_text(text, folder)


def checked_text(text: bytes, folder: Path | str, todo: str = PREPARED) -> Entry:
    """Return the index that a file holds, as :func:`read_index` does."""
    try:
        index = json.loads(text)
        version = index["format"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise damaged(folder, f"{INDEX} is missing or unreadable", todo) from error
    if version != FORMAT:
        fact = f"it has format {version}, this program uses {FORMAT}"
        raise damaged(folder, fact, todo)
    if "sha256" in index and index["sha256"] != _hash_of(index):
        raise damaged(folder, f"{INDEX} has changed", todo)
    if not (
        _has(index, KEYS)
        and _has(index["report"], REPORT)
        and _are_files(index.get("files"))
        and set(TABLES) <= set(index["files"])
        and ("shards" not in index or _are_shards(index))
    ):
        raise damaged(folder, f"{INDEX} lacks entries", todo)
    return index


def damaged(folder: Path | str, fact: str, todo: str = PREPARED) -> DataError:
    """Return the error of a folder whose content isn't what was written."""
    return DataError(
        f"the prepared dataset is damaged: {fact}",
        where=str(folder),
        todo=todo,
    )


def checked(path: Path, entry: Entry, *, full: bool = False) -> None:
    """Check one file, whole if it was moved; then its time says again when it was written.

    Raises:
        ChangedError: its content is another.
        OSError: it can't be read.
    """
    moved = _time(path)["mtime_ns"] != entry["mtime_ns"]
    check_entry(path, entry, full=full or moved)
    if moved:
        with suppress(OSError):  # another user's file: it is read whole next time, too
            os.utime(path, ns=(entry["mtime_ns"], entry["mtime_ns"]))


def files_of_shards(index: Entry) -> Iterator[tuple[str, Entry]]:
    """Yield the path, relative to the folder, and the entry of each file of a shard."""
    for shard in index.get("shards", ()):
        for name, entry in shard["files"].items():
            yield f"{shard['name']}/{name}", entry


def _check_shard(folder: Path, name: str, entry: Entry, *, full: bool) -> None:
    """Check that a file of a shard is there, with its size; with `full`, its content."""
    try:
        if full:
            checked(folder / name, entry, full=True)
        elif (size := (folder / name).stat().st_size) != entry["size"]:
            raise ChangedError(f"it has {size:,} bytes instead of {entry['size']:,}")
    except OSError as error:
        raise damaged(folder, f"{name} is missing or unreadable", AGAIN) from error
    except ChangedError as error:
        raise damaged(folder, f"{name} has changed: {error}", AGAIN) from error


def _time(path: Path) -> dict[str, int]:
    return {"mtime_ns": path.stat().st_mtime_ns}


def _hash_of(index: Entry) -> str:
    """Hash an index, without its own hash."""
    text = json.dumps({key: index[key] for key in sorted(index) if key != "sha256"})
    return hashlib.sha256(text.encode()).hexdigest()


def _has(entry: Any, kinds: dict[str, type]) -> bool:
    """Return whether entries are there and of these types; a bool isn't a number."""
    if not isinstance(entry, dict):
        return False
    found = {key: entry.get(key) for key in kinds}
    return all(isinstance(v, kinds[k]) and not isinstance(v, bool) for k, v in found.items())


def _are_files(files: Any) -> bool:
    return isinstance(files, dict) and all(
        PLAIN.fullmatch(name) and _has(entry, STAMP) for name, entry in files.items()
    )


def _are_shards(index: Entry) -> bool:
    """Return whether the shards have all users, in order, and together all events."""
    shards = index["shards"]
    if not (isinstance(shards, list) and shards and all(_has(shard, SHARD) for shard in shards)):
        return False
    ends = [bound for shard in shards for bound in shard["users"]]
    return (
        all(PLAIN.fullmatch(shard["name"]) and _are_files(shard["files"]) for shard in shards)
        and all(len(shard["users"]) == 2 for shard in shards)
        and all(isinstance(bound, int) for bound in ends)
        and [0, *ends[1::2]] == [*ends[::2], index["n_users"]]
        and all(first < end for first, end in zip(ends[::2], ends[1::2], strict=True))
        and sum(shard["events"] for shard in shards) == index["n_interactions"]
    )
