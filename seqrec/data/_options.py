"""Settings of a source that take one of a few values."""

from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any

from seqrec.errors import ConfigError


def one_of(field: str, value: Any, allowed: Sequence[Any]) -> None:
    """Refuse a value that isn't there.

    Raises:
        ConfigError: it names those that are, and the nearest.
    """
    if value in allowed:
        return
    near = get_close_matches(str(value), map(str, allowed), n=1, cutoff=0.3)
    raise ConfigError(
        f"there is no {field} {value!r}; there is {', '.join(map(str, allowed))}",
        where=f"data.{field}",
        todo=f"data.{field}={near[0]}" if near else None,
    )


def some_of(field: str, values: Sequence[str], allowed: Sequence[str]) -> None:
    """Refuse a list that is empty, or has a value that isn't there.

    Raises:
        ConfigError: see :func:`one_of`.
    """
    if not values:
        raise ConfigError(
            f"{field} is empty; there is {', '.join(allowed)}",
            where=f"data.{field}",
            todo=f"data.{field}=[{allowed[0]}]",
        )
    for value in values:
        one_of(field, value, allowed)


def named_by(name: str, chosen: Sequence[str], allowed: Sequence[str]) -> str:
    """The name of a dataset of which only some kinds are read; all of them need no telling."""
    some = [kind for kind in allowed if kind in chosen]
    return "-".join([name, *(some if len(some) < len(allowed) else [])])
