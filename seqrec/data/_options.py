"""Check settings of a source that take one of a few values."""

from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any

from seqrec.errors import ConfigError


def one_of(field: str, value: Any, allowed: Sequence[Any]) -> None:
    """Check that a value is allowed.

    Raises:
        ConfigError: it isn't; the message lists those that are, and suggests the nearest.
    """
    if value in allowed:
        return
    near = get_close_matches(str(value), map(str, allowed), n=1, cutoff=0.3)
    raise ConfigError(
        f"there is no {field} {value!r}; choose from {', '.join(map(str, allowed))}",
        where=f"data.{field}",
        todo=f"set data.{field}={near[0]}" if near else None,
    )


def some_of(field: str, values: Sequence[str], allowed: Sequence[str]) -> None:
    """Check that a list isn't empty and that all its values are allowed.

    Raises:
        ConfigError: see :func:`one_of`.
    """
    if not values:
        raise ConfigError(
            f"{field} is empty; choose from {', '.join(allowed)}",
            where=f"data.{field}",
            todo=f"set data.{field}=[{allowed[0]}]",
        )
    for value in values:
        one_of(field, value, allowed)


def named_by(name: str, chosen: Sequence[str], allowed: Sequence[str]) -> str:
    """Return the name of a dataset with the `chosen` kinds appended, unless all are chosen."""
    kinds = [kind for kind in allowed if kind in chosen]
    return "-".join([name, *(kinds if len(kinds) < len(allowed) else [])])
