"""One line for the user, on standard error, where it mixes with no result."""

from rich.console import Console

console = Console(stderr=True, highlight=False)


def say(message: str) -> None:
    """Print `message`; lines are wrapped to the terminal, markup is not interpreted."""
    console.print(message, markup=False, soft_wrap=not console.is_terminal)
