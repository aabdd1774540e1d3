"""Print messages to standard error, apart from results."""

from rich.console import Console

console = Console(stderr=True, highlight=False)


def say(message: str) -> None:
    """Print `message`, wrapped to the terminal; markup isn't interpreted."""
    console.print(message, markup=False, soft_wrap=not console.is_terminal)
