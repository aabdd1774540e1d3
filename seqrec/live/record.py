"""The pointer file and its history, changed together."""

import getpass
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path
from time import time_ns
from typing import Any

from seqrec.bundle.manifest import Manifest
from seqrec.disk.chain import Entry, append, locked, read_chain
from seqrec.disk.write import pending
from seqrec.errors import RunError
from seqrec.live.pointer import (
    POINTER,
    Live,
    Served,
    live_of,
    place_of,
    read_live,
    text_of,
    write_live,
)

HISTORY = "history.jsonl"


def now() -> int:
    """Return the time in milliseconds since 1970."""
    return time_ns() // 1_000_000


def current(folder: Path) -> Live | None:
    """Return what is served, and complete a change that was killed before it was done.

    Raises:
        RunError: the pointer file is damaged.
        DataError: the history is.
    """
    with locked(folder / HISTORY):
        return _settled(folder)


def change(
    folder: Path,
    make: Callable[[Live | None], Live | None],
    *,
    seen: int | None = None,
    **record: Any,
) -> Live | None:
    """Replace the pointer file and record it, under a lock that is held for milliseconds.

    The history is written first: who is killed in between has left what the next one completes.
    On a full disk nothing is written at all, as room for the pointer file is taken before.

    Args:
        folder: of the pointer file.
        make: returns the new content for the present one; None: it stays, and only the record is
            written.
        seen: version that `record` was made for, 0 for none; None: whatever it is.
        record: what the history keeps of it.

    Raises:
        RunError: the pointer file is damaged, or was changed since it was seen, or names a bundle
            that isn't there.
        DataError: the history is broken.
        WriteError: something can't be written.
    """
    file = folder / HISTORY
    with locked(file):
        before = _settled(folder)
        version = before.version if before else 0
        if seen is not None and seen != version:
            raise RunError(
                f"what is served has changed meanwhile: version {version} instead of {seen}",
                where=str(folder),
                todo="look at it (promote.py with live= alone), and type the command again",
            )
        after = make(before)
        if after is not None:
            for served in (after.live, after.canary, after.shadow):
                _check(folder, served)
        entry = {"who": _who(), **record, "pointer": None if after is None else asdict(after)}
        with nullcontext() if after is None else pending(folder / POINTER, text_of(after)):
            append(file, entry)
    return after


def repair(folder: Path, *, time: int, why: str) -> Live:
    """Write the pointer file again as its history has it.

    Raises:
        RunError: the history has no pointer.
        DataError: it is broken.
        WriteError: the file can't be written.
    """
    file = folder / HISTORY
    with locked(file):
        last = _last(folder)
        if last is None:
            raise RunError(
                "the history has no pointer file that could be written again",
                where=str(file),
                todo=f"move {folder / 'live.json'} away, and promote a bundle with stage=all",
            )
        append(
            file, {"who": _who(), "time": time, "action": "repaired", "why": why, "pointer": None}
        )
        write_live(folder, last)
    return last


def history(folder: Path) -> list[Entry]:
    """Return all entries of the history, oldest first.

    Raises:
        DataError: it is broken.
    """
    return read_chain(folder / HISTORY)


def began(folder: Path, live: Live) -> int:
    """Return since when the canary answers its present share of the sessions, in milliseconds."""
    since = live.time
    for entry in reversed(history(folder)):
        pointer = entry.get("pointer")
        if pointer is None:
            continue
        then = live_of(folder / HISTORY, {"format": 1, **pointer})
        if (then.canary, then.share, then.salt, then.live) != (
            live.canary,
            live.share,
            live.salt,
            live.live,
        ):
            break
        since = then.time
    return since


def served(folder: Path, bundle: Path, sha: str) -> Served:
    """Return a bundle as the pointer file names it: relative if it lies in the file's folder."""
    place, inside = bundle.absolute(), folder.absolute()
    return Served(str(place.relative_to(inside) if inside in place.parents else place), sha)


def _settled(folder: Path) -> Live | None:
    live, last = read_live(folder), _last(folder)
    if last is not None and (live is None or live.version < last.version):
        write_live(folder, last)
        return last
    return live


def _last(folder: Path) -> Live | None:
    """Return the last pointer that the history has."""
    pointers = [entry["pointer"] for entry in history(folder) if entry.get("pointer")]
    return live_of(folder / HISTORY, {"format": 1, **pointers[-1]}) if pointers else None


def _check(folder: Path, served: Served | None) -> None:
    if served is None:
        return
    place = place_of(folder, served)
    if Manifest.read(place).sha != served.sha:
        raise RunError(
            "the bundle isn't the one that was promoted: it has changed",
            where=str(place),
            todo="put the promoted one back there, or promote it as it is now",
        )


def _who() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        return "unknown"
