"""Folders that a process works in: who finds one knows whether it was left by a killed process.

The system gives a lock on a folder back when its process ends, however it ends.
"""

import fcntl
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def held(folder: Path) -> Iterator[bool]:
    """Hold a folder; yield False if another process does, or if it isn't there."""
    try:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError:
        yield False
        return
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            yield False
            return
        yield bool(os.fstat(handle).st_nlink) and folder.is_dir()
    finally:
        os.close(handle)


def clear_left(
    place: Path, pattern: str, is_left: Callable[[Path], bool] = lambda _: True
) -> list[Path]:
    """Remove folders that nobody holds; return them.

    Args:
        place: the folder that they are in.
        pattern: of their names.
        is_left: whether one holds nothing that is of use.
    """
    removed = []
    for folder in sorted(place.glob(pattern)):
        if folder.is_symlink() or not folder.is_dir():
            continue
        with held(folder) as free:
            if free and is_left(folder):
                shutil.rmtree(folder, ignore_errors=True)
                removed.append(folder)
    return removed
