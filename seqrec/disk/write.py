"""Write files whole or not at all: beside their place, to the disk, then renamed."""

import errno
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from seqrec.errors import WriteError

FULL = (errno.ENOSPC, errno.EDQUOT)
GO_ON = (
    "make room on this disk, then type the same command again; a run goes on from its last whole "
    "checkpoint with resume=auto"
)


@contextmanager
def replacing(path: Path, *, before: Path | None = None) -> Iterator[Path]:
    """Yield a file beside `path` to write to; when it is written, it takes the place of `path`.

    It is in the same folder, so renaming it is one step on any file system, and its content is on
    the disk before its name is: whoever reads `path`, even after a loss of power, finds the old
    content or the new one. If writing fails, nothing is left beside.

    Args:
        path: the file to write.
        before: where to keep the content that `path` had; None: nowhere.

    Raises:
        OSError: it can't be written.
    """
    part = path.with_name(f"{path.name}.part")
    try:
        yield part
        _to_disk(part)
        if before is not None and path.exists():
            _keep(path, before)
        part.replace(path)
    except BaseException:
        with suppress(OSError):
            part.unlink(missing_ok=True)
        raise
    with suppress(OSError):  # no file system but a local one offers this
        _to_disk(path.parent)


@contextmanager
def telling(path: Path) -> Iterator[None]:
    """Turn an error of writing `path` into a :class:`~seqrec.errors.WriteError`.

    Raises:
        WriteError: `path` can't be written.
    """
    try:
        yield
    except Exception as error:
        if isinstance(error, OSError) or is_full(error):
            raise in_words(error, path) from error
        raise


def write_file(path: Path, content: str | bytes) -> None:
    """Write a file whole or not at all, and the folder that it lies in.

    Raises:
        WriteError: it can't be written.
    """
    with telling(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as part:
            part.write_bytes(content.encode() if isinstance(content, str) else content)


@contextmanager
def pending(path: Path, content: str) -> Iterator[None]:
    """Write a file to the disk beside `path`, and let it take its place when the body is done.

    So what has to come before the file happens when there is room for the file.

    Raises:
        WriteError: it can't be written; unless it is renaming that fails, the body wasn't entered.
    """
    with telling(path), replacing(path) as part:
        part.write_text(content)
        _to_disk(part)
        yield


def in_words(error: Exception, path: Path | str | None = None) -> WriteError:
    """Say what an error of writing means, and what to do.

    Args:
        error: the error.
        path: the file that was being written; None: the one that the error names.
    """
    where = str(path or getattr(error, "filename", None) or "") or None
    if is_full(error):
        return WriteError("the disk is full", where=where, todo=GO_ON)
    reason = getattr(error, "strerror", None) or str(error)
    todo = "choose a folder that you can write to"
    return WriteError(f"the file can't be written: {reason}", where=where, todo=todo)


def is_full(error: BaseException) -> bool:
    """Return whether an error says that the disk, or the user's share of it, is full."""
    words = str(error)
    told = any(os.strerror(number) in words for number in FULL)  # polars has errors of its own
    short = re.search(r"\d requested and \d+ written", words)  # numpy tells how far it came
    return getattr(error, "errno", None) in FULL or told or short is not None


def _keep(path: Path, before: Path) -> None:
    """Give the content of `path` a second name, `before`, without `path` ever missing."""
    second = before.with_name(f"{before.name}.part")
    try:
        second.unlink(missing_ok=True)
        os.link(path, second)
        second.replace(before)
    except OSError:  # a file system without hard links
        path.replace(before)


def _to_disk(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
