"""Print errors without a traceback: what was wrong, where, and how to fix it."""

import errno
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from seqrec.errors import ConfigError, SeqrecError
from seqrec.terminal.say import say

OF_DISKS = (
    *(errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS, errno.EACCES, errno.EPERM),
    *(errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG),
)


@contextmanager
def plain_errors() -> Iterator[None]:
    """Print a SeqrecError and exit: with status 2 for a ConfigError, with 1 for others.

    What a disk refuses (it is full, read-only, or not the user's) is told in the same way.
    """
    try:
        yield
    except (SeqrecError, OSError) as error:
        if isinstance(error, OSError):
            if error.errno not in OF_DISKS and "No space left" not in str(error):
                raise
            error = of_disk(error)
        first, _, rest = str(error).partition("\n")
        say(first, style="bold red")
        if rest:
            say(rest)
        sys.exit(2 if isinstance(error, ConfigError) else 1)


def of_disk(error: OSError) -> SeqrecError:
    """Put an error of a disk into words."""
    full = error.errno in (errno.ENOSPC, errno.EDQUOT) or "No space left" in str(error)
    return SeqrecError(
        "the disk is full" if full else (error.strerror or str(error)),
        where=str(error.filename) if error.filename else None,
        todo="make room, then type the same command again" if full
        else "choose a file or folder that you may use",
    )  # fmt: skip
