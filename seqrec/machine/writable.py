"""Whether there is somewhere to write, asked before any work."""

import re
import tempfile
from pathlib import Path

from seqrec.disk.write import is_full
from seqrec.errors import ConfigError

ELSEWHERE = re.compile(r"[a-z][a-z0-9+.-]+:/", re.IGNORECASE)  # a Path has one of the two slashes


def is_elsewhere(path: str | Path) -> bool:
    """Return whether something to write to is meant to be elsewhere, as ``s3://bucket`` is."""
    return ELSEWHERE.match(str(path)) is not None


def check_folder(folder: Path, *, key: str) -> None:
    """Check that a folder can be made, if it isn't there, and written to.

    Args:
        folder: the folder; nothing is left in it, and it isn't made.
        key: the setting that names it, for the error.

    Raises:
        ConfigError: it is a URL, a file is in the way, or the disk or the rights forbid writing.
    """
    _check_local(folder, key)
    there = folder.absolute()
    while not there.exists() and there != there.parent:
        there = there.parent
    try:
        with tempfile.TemporaryFile(dir=there) as file:
            file.write(b"x")
            file.flush()
    except OSError as error:
        reason = "it is a file" if there.is_file() else (error.strerror or str(error)).lower()
        named = "" if there == folder.absolute() else f" ({there} is there)"
        room = "make room on this disk, or choose another: " if is_full(error) else ""
        raise ConfigError(
            f"nothing can be written to {folder}{named}: {reason}",
            where=key,
            todo=f"{room}{key}=FOLDER, with one that you can write to",
        ) from error


def check_file(file: Path, *, key: str, example: str) -> None:
    """Check that a file can be written, in a folder that is there.

    Args:
        file: the file; it isn't made.
        key: the argument that names it.
        example: a name such as ``report.html``.

    Raises:
        ConfigError: it is a URL or a folder, its folder isn't there or can't be written to.
    """
    _check_local(file, key)
    parent = file.absolute().parent
    if file.is_dir():
        raise ConfigError(f"{key}={file} is a folder", todo=f"name a file, such as {key}={example}")
    if not parent.is_dir():
        raise ConfigError(
            f"{key}={file} is in a folder that doesn't exist",
            todo=f"create it first, or write {key}={example}",
        )
    try:
        check_folder(parent, key=key)
        if file.exists():
            file.open("ab").close()
    except (ConfigError, OSError) as error:
        reason = (error.strerror or str(error)) if isinstance(error, OSError) else error.what
        raise ConfigError(
            f"{key}={file} can't be written: {reason}",
            todo=f"{key}=FILE, in a folder that you can write to",
        ) from error


def _check_local(path: Path, key: str) -> None:
    if is_elsewhere(path):
        raise ConfigError(
            f"{path} is a URL, and only local disks are written to",
            where=key,
            todo=f"set {key} to a path on a disk, and copy what lies there yourself",
        )
