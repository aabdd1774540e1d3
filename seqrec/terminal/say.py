"""Print messages to standard error, apart from results."""

from rich.console import Console
from rich.text import Text

console = Console(stderr=True, markup=False, emoji=False, highlight=False)


def say(text: str, *, style: str = "") -> None:
    """Print a text exactly as it is: markup isn't interpreted, and no line is broken."""
    console.print(Text(text, style=style), soft_wrap=True)
