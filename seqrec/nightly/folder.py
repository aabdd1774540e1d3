"""The folder that the parts of one job lie in.

======================  =======================================================================
``lists.json``          what the lists depend on, and the hash of it
``part-00000.parquet``  a part: user, rank, item, score; its metadata names the job and the part
``manifest.json``       sizes and hashes of all files; written last, so its presence means that the
                        lists are complete
======================  =======================================================================
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from seqrec.disk.manifest import seal
from seqrec.disk.write import telling, write_file
from seqrec.errors import RunError
from seqrec.nightly.job import file_of, sha_of

INDEX, LOCK = "lists.json", ".lock"
OTHER = "name another folder with out=, or remove this one first"


@contextmanager
def held(out: Path) -> Iterator[None]:
    """Hold the folder of a job, which is made if it isn't there, against a second job.

    Raises:
        RunError: another process makes lists in it.
        WriteError: it can't be made.
    """
    with telling(out):
        out.mkdir(parents=True, exist_ok=True)
        try:
            lock = FileLock(out / LOCK, timeout=0).acquire()
        except Timeout as error:
            raise RunError(
                "another process makes lists in this folder",
                where=str(out),
                todo="wait for it or stop it, or name another folder with out=",
            ) from error
    with lock:
        try:
            yield
        finally:
            (out / LOCK).unlink(missing_ok=True)
            with suppress(OSError):  # it holds what was made
                out.rmdir()


def begun(out: Path) -> dict[str, Any] | None:
    """Return what the lists in a folder depend on; None if none were begun there.

    Raises:
        RunError: the folder holds something else, or its index is damaged.
    """
    try:
        content = json.loads((out / INDEX).read_bytes())
        facts, sha = content["facts"], content["sha"]
    except FileNotFoundError:
        there = {path.name for path in out.glob("*")} - {LOCK, f"{INDEX}.part"}
        if there:
            raise RunError(
                f"the folder holds {min(there)}, and no lists that were begun",
                where=str(out),
                todo=OTHER,
            ) from None
        return None
    except (OSError, ValueError, LookupError, TypeError, RecursionError) as error:
        raise RunError(f"{INDEX} can't be read", where=str(out), todo=OTHER) from error
    if sha != sha_of(facts):
        raise RunError(f"{INDEX} has changed", where=str(out), todo=OTHER)
    return facts


def begin(out: Path, facts: dict[str, Any]) -> None:
    """Begin a job, or go on with it; what killed processes left of parts is removed.

    Raises:
        RunError: the folder holds the lists of another job.
        WriteError: nothing can be written.
    """
    before = begun(out)
    if before is None:
        content = {"format": 1, "sha": sha_of(facts), "facts": facts}
        write_file(out / INDEX, json.dumps(content, indent=1) + "\n")
    elif before != facts:
        names = [name for name in facts if before.get(name) != facts[name]]
        told = ", ".join(f"{n}={_short(before.get(n))}, {_short(facts[n])} now" for n in names)
        raise RunError(f"the folder holds lists of another job: {told}", where=str(out), todo=OTHER)
    for left in out.glob(".part-*"):
        left.unlink(missing_ok=True)


def complete(out: Path, parts: int) -> None:
    """Write the manifest of all parts."""
    seal(out, [INDEX, *(file_of(out, number).name for number in range(parts))])


def _short(value: Any) -> str:
    return value[:12] if isinstance(value, str) else json.dumps(value)[:40]
