"""What only the data knows, and components are built with."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import polars as pl
from torch import Tensor


@dataclass(frozen=True)
class EventFacts:
    """Statistics of an event column: of categories, of numbers, or (neither given) of times."""

    categories: list[str] | None = None  # names; codes start at 1
    mean: float | None = None  # over the training events, squashed
    std: float | None = None  # likewise; never 0


@dataclass(frozen=True)
class Facts:
    """Run-time facts of the data. A component receives each one that it has a parameter for."""

    n_items: int
    n_users: int = 0
    item_count_V: Tensor | None = None  # training events of each item
    rating_mean: float | None = None  # of the training events; None: no ratings
    items: Callable[[], pl.DataFrame] | None = None  # index, item, title, features; None: unknown
    own_items: Callable[[], Tensor] | None = None  # users' items in training, int64, increasing:
    # user * (n_items + 1) + item
    similar: Callable[[int], Tensor] | None = None  # k -> similar_VK, int64: the k items that most
    # share their users with each item in training, the closest first, 0 where there are fewer
    events: dict[str, EventFacts] = field(default_factory=dict)  # by column, ``timestamp`` too
    users: Callable[[], pl.DataFrame] | None = None  # index, user, attributes; None: unknown

    def plain(self) -> dict[str, Any]:
        """Return the facts that are needed to rebuild a trained model, for ``run.json``."""
        columns = {
            name: {key: value for key, value in vars(column).items() if value is not None}
            for name, column in self.events.items()
        }
        own = ("n_items", "n_users", "rating_mean")
        return {name: getattr(self, name) for name in own} | {"events": columns}

    @classmethod
    def read(cls, plain: Any) -> "Facts":
        """Read what :meth:`plain` wrote.

        Raises:
            ValueError: `plain` has missing, unknown or malformed facts.
        """
        own: dict[str, tuple[type, ...]] = {
            "n_items": (int,),
            "n_users": (int,),
            "rating_mean": (int, float, type(None)),
            "events": (dict,),
        }
        if not isinstance(plain, dict) or "n_items" not in plain:
            raise ValueError("facts: n_items is missing")
        for name, value in plain.items():
            if name not in own or not isinstance(value, own[name]) or isinstance(value, bool):
                raise ValueError(f"facts.{name} is unknown or has the wrong type")
        if plain["n_items"] < 1 or plain.get("n_users", 0) < 0:
            raise ValueError("facts: a count is out of range")
        try:
            events = {
                name: EventFacts(**column) for name, column in plain.get("events", {}).items()
            }
        except TypeError as error:
            raise ValueError(f"facts.events: {error}") from error
        for name, column in events.items():
            numbers, names = (column.mean, column.std), column.categories
            if not all(isinstance(number, int | float | None) for number in numbers) or not (
                names is None
                or (isinstance(names, list) and all(isinstance(each, str) for each in names))
            ):
                raise ValueError(f"facts.events.{name} has the wrong type")
        return cls(**{**plain, "events": events})
