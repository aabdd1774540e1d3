"""The interface of a data source."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import polars as pl


@dataclass(frozen=True)
class Known:
    """What an earlier preparation of the same data numbered.

    Args:
        items: ids, which keep their numbers 1, 2, ... even if they have no event any more.
        users: ids in the order of their numbers; null where a user is to be forgotten.
        since: milliseconds since 1970 UTC. An event before this time is kept only if the earlier
            preparation kept its user and its item.
    """

    items: pl.Series
    users: pl.Series
    since: int


@dataclass(frozen=True)
class Interactions:
    """Events in file order, with tables of items and users.

    Args:
        events: columns user and item (ids: String, Categorical or integers), then optionally
            timestamp (Int64, milliseconds since 1970-01-01 UTC) and rating (Float32), then the
            context: categories (String) and numbers (Float32), null or NaN where unknown.
            A column ``_part`` (Int8: 0 training, 1 validation, 2 test) says which file of a
            published split an event is from; it goes with ``split=given``.
        items: columns item and title (String), then feature columns; None: no table of items.
        rejected: malformed rows that were dropped, by reason.
        users: columns user (String) and attributes; None: no table of users.
        notes: what people should know of the files, in sentences.
        known: ids that keep the numbers of an earlier preparation; None: there was none.
    """

    events: pl.LazyFrame
    items: pl.LazyFrame | None = None
    rejected: dict[str, int] = field(default_factory=dict)
    users: pl.LazyFrame | None = None
    notes: tuple[str, ...] = ()
    known: Known | None = None


class Source(Protocol):
    """A dataset in its published form.

    Sources are frozen dataclasses: their fields are their settings, and part of the key under
    which a prepared dataset is cached. One that is prepared already has the attribute ``prepared``:
    the folder or the URL of its store.
    """

    @property
    def name(self) -> str:
        """A short name, usable for a folder: ``amazon-2014-Musical_Instruments``."""
        ...

    def files(self) -> list[Path]:
        """Return the raw files, fetching them if needed."""
        ...

    def read(self) -> Interactions:
        """Parse the raw files."""
        ...


class Distributed(Source, Protocol):
    """A source that may have files which only Spark reads."""

    @property
    def urls(self) -> list[str]:
        """The URLs of these files; they are not among :meth:`files`."""
        ...

    def read_on_spark(self, tables: Any) -> Interactions:
        """Read what has URLs, on Spark.

        Args:
            tables: the :class:`~seqrec.raw.spark.scratch.Scratch` that takes what is read.

        Returns:
            Its events are a DataFrame of Spark, which also has the column ``_row``, the place.
        """
        ...
