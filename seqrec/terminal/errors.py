"""Print errors without a traceback: what was wrong, where, and how to fix it."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from seqrec.errors import ConfigError, SeqrecError
from seqrec.terminal.say import say


@contextmanager
def plain_errors() -> Iterator[None]:
    """Print a SeqrecError and exit: with status 2 for a ConfigError, with 1 for others."""
    try:
        yield
    except SeqrecError as error:
        first, _, rest = str(error).partition("\n")
        say(first, style="bold red")
        if rest:
            say(rest)
        sys.exit(2 if isinstance(error, ConfigError) else 1)
