"""Sessions in original ids, and the lists that answer them; nothing here needs torch."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import polars as pl


@dataclass(frozen=True)
class Session:
    """The events of a user so far.

    Args:
        items: original ids, oldest first.
        user: index in the run's data; -1: another user.
        context: event columns by name, with a value per item: categories, numbers, and for
            ``timestamp`` ISO times or milliseconds; None where unknown.
        asked: time of the recommendation, in milliseconds; None: now.
        times: of the events, in milliseconds, to be shown; the model doesn't read them. None:
            unknown.
    """

    items: list[str]
    user: int = -1
    context: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    asked: int | None = None
    times: Sequence[int] | None = None


@dataclass(frozen=True)
class Recommendation:
    """A list of recommended items, and what it is based on."""

    items: pl.DataFrame  # rank, item, title, score; best first
    history: pl.DataFrame  # item, title, attention: what the model saw, oldest first
    unknown: list[str]  # ids in the session that the catalogue lacks
