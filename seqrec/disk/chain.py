"""A file of lines that can only grow: each line holds the hash of the line before it.

A line is a JSON object with ``at`` (counted from 1), ``before`` (the hash of the line before) and
``hash`` (of the line itself, without this key). Whoever changes, removes or moves a line breaks the
chain there. The number of lines and the last hash also lie beside the file, so lines that are
missing at its end are noticed, too. Who can write both files can forge both: this finds accidents
and edits, and isn't a signature.
"""

import errno
import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from seqrec.disk.write import pending, telling
from seqrec.errors import DataError, WriteError

BEGIN = "0" * 64
Entry = dict[str, Any]


@contextmanager
def locked(file: Path, *, seconds: float = 10.0) -> Iterator[None]:
    """Let one process at a time change what belongs to a file.

    Args:
        file: a ``.lock`` beside it is taken, which the end of a process releases.
        seconds: how long to wait for another process.

    Raises:
        DataError: another process has it for longer.
        WriteError: nothing can be written beside it.
    """
    lock = file.with_name(f".{file.name}.lock")
    with telling(lock):
        file.parent.mkdir(parents=True, exist_ok=True)
        try:
            held = FileLock(lock, timeout=seconds).acquire()
        except Timeout as error:
            raise DataError(
                "another process is changing it", where=str(file), todo="try again when it is done"
            ) from error
    with held:
        yield


def append(file: Path, content: Mapping[str, Any]) -> Entry:
    """Add a line; when this returns, the line is on the disk. Call it within :func:`locked`.

    What a killed process left of a line that it hadn't finished is taken away first.

    Raises:
        DataError: the chain is broken; nothing is added.
        WriteError: it can't be written; nothing is added.
    """
    entries, length = _read(file)
    entry: Entry = {
        **content,
        "at": len(entries) + 1,
        "before": entries[-1]["hash"] if entries else BEGIN,
    }
    entry["hash"] = hash_of(entry)
    line = json.dumps(entry, ensure_ascii=False, allow_nan=False) + "\n"
    head = json.dumps({"lines": entry["at"], "hash": entry["hash"]}) + "\n"
    with telling(file):
        try:
            with pending(_head(file), head):
                _add(file, length, line.encode())
        except (OSError, WriteError):
            with suppress(OSError):
                os.truncate(file, length)  # a full disk has room for less
            raise
    return entry


def read_chain(file: Path) -> list[Entry]:
    """Read all lines, and check that nothing was changed.

    Raises:
        DataError: the chain is broken; the message names the line.
    """
    return _read(file)[0]


def hash_of(entry: Mapping[str, Any]) -> str:
    """Return the hash of a line: SHA-256 of its JSON with sorted keys, without its hash."""
    rest = {key: value for key, value in entry.items() if key != "hash"}
    text = json.dumps(rest, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _read(file: Path) -> tuple[list[Entry], int]:
    """Return all whole lines and how many bytes they have."""
    try:
        content = file.read_bytes()
    except FileNotFoundError:
        content = b""
    except OSError as error:
        raise DataError("the file can't be read", where=str(file)) from error
    whole = content[: content.rfind(b"\n") + 1]
    entries: list[Entry] = []
    for at, line in enumerate(whole.splitlines(), start=1):
        entries.append(_entry(file, at, line, entries[-1]["hash"] if entries else BEGIN))
    _check_head(file, entries)
    return entries, len(whole)


def _entry(file: Path, at: int, line: bytes, before: str) -> Entry:
    try:
        entry = json.loads(line)
        sound = isinstance(entry, dict) and entry["hash"] == hash_of(entry)
    except (ValueError, KeyError, RecursionError):
        sound = False
    if not sound:
        raise _broken(file, at, "it isn't what was written")
    if entry.get("at") != at or entry.get("before") != before:
        raise _broken(file, at, "it doesn't follow the line before it")
    return entry


def _check_head(file: Path, entries: list[Entry]) -> None:
    """Hold the lines to what lies beside them; a line more was written by who was killed then."""
    try:
        head = json.loads(_head(file).read_bytes())
        lines, last = int(head["lines"]), str(head["hash"])
    except FileNotFoundError:
        lines, last = 0, BEGIN
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(
            "the end of the chain can't be checked", where=str(_head(file)), todo=_TODO
        ) from error
    if len(entries) < lines:
        raise _broken(file, len(entries) + 1, f"it is missing, and there were {lines} lines")
    if lines and entries[lines - 1]["hash"] != last:
        raise _broken(file, lines, "it was written again")
    if len(entries) > lines + 1:
        raise _broken(file, lines + 2, "it was added by something else")


def _add(file: Path, length: int, line: bytes) -> None:
    """Write a line to the disk behind the first `length` bytes of a file."""
    with file.open("ab", buffering=0) as stream:
        stream.truncate(length)
        if stream.write(line) < len(line):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        os.fsync(stream.fileno())


def _head(file: Path) -> Path:
    return file.with_name(f"{file.stem}.head.json")


def _broken(file: Path, at: int, what: str) -> DataError:
    return DataError(f"the chain is broken at line {at}: {what}", where=str(file), todo=_TODO)


_TODO = "put back a copy of this file and of the .head.json beside it, from before the change"
