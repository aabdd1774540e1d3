"""Print errors without a traceback: what was wrong, where, and how to fix it."""

import errno
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from seqrec.disk.write import in_words, is_full
from seqrec.errors import ConfigError, SeqrecError
from seqrec.terminal.say import say

OF_DISKS = (
    *(errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS, errno.EACCES, errno.EPERM),
    *(errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG),
)


@contextmanager
def plain_errors() -> Iterator[None]:
    """Print a SeqrecError and exit: with status 2 for a ConfigError, with 1 for others.

    What a disk refuses (it is full, read-only, or not the user's) is told in the same way, wherever
    it was noticed.
    """
    try:
        yield
    except Exception as caught:
        error = _in_words(caught)
        if error is None:
            raise
        first, _, rest = str(error).partition("\n")
        say(first, style="bold red")
        if rest:
            say(rest)
        sys.exit(2 if isinstance(error, ConfigError) else 1)


def _in_words(error: Exception) -> SeqrecError | None:
    """Return an error that a user can fix; None if it is a mistake in the code."""
    if isinstance(error, SeqrecError):
        return error
    if is_full(error) or (isinstance(error, OSError) and error.errno in OF_DISKS):
        return in_words(error)
    return None
