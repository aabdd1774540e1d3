"""Print errors without a traceback: what was wrong, where, and how to fix it."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from seqrec.disk.write import in_words, is_full
from seqrec.errors import ConfigError, SeqrecError
from seqrec.terminal.say import say


@contextmanager
def plain_errors() -> Iterator[None]:
    """Print a SeqrecError and exit: with status 2 for a ConfigError, with 1 for others.

    A full disk is told likewise, wherever it was noticed.
    """
    try:
        with _full_disk_in_words():
            yield
    except SeqrecError as error:
        first, _, rest = str(error).partition("\n")
        say(first, style="bold red")
        if rest:
            say(rest)
        sys.exit(2 if isinstance(error, ConfigError) else 1)


@contextmanager
def _full_disk_in_words() -> Iterator[None]:
    try:
        yield
    except SeqrecError:
        raise
    except Exception as error:
        if is_full(error):
            raise in_words(error) from error
        raise
