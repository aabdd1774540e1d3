"""Errors as text for a person: what, where, what to do; no traceback."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.text import Text

from seqrec.errors import ConfigError, SeqrecError


def tell(text: str, *, style: str = "") -> None:
    """Print to standard error, exactly as it is."""
    Console(stderr=True, soft_wrap=True, highlight=False).print(Text(text, style=style))


@contextmanager
def plain_errors() -> Iterator[None]:
    """Print a SeqrecError and end the program: status 2 for a configuration, 1 for the rest."""
    try:
        yield
    except SeqrecError as error:
        first, _, rest = str(error).partition("\n")
        tell(first, style="bold red")
        if rest:
            tell(rest)
        sys.exit(2 if isinstance(error, ConfigError) else 1)
