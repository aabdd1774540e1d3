"""Print errors without a traceback: what was wrong, where, and how to fix it."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.text import Text

from seqrec.errors import ConfigError, SeqrecError


def tell(text: str, *, style: str = "") -> None:
    """Print a text to standard error, exactly as it is."""
    Console(stderr=True, soft_wrap=True, highlight=False).print(Text(text, style=style))


@contextmanager
def plain_errors() -> Iterator[None]:
    """Print a SeqrecError and exit: with status 2 for a ConfigError, with 1 for others."""
    try:
        yield
    except SeqrecError as error:
        first, _, rest = str(error).partition("\n")
        tell(first, style="bold red")
        if rest:
            tell(rest)
        sys.exit(2 if isinstance(error, ConfigError) else 1)
