"""OTTO: clicks, carts and orders of an online shop in 2022, by session."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import polars as pl

from seqrec.data._options import named_by, some_of
from seqrec.raw.get.local import find, must_have
from seqrec.raw.parse.context import Context
from seqrec.raw.parse.formats import Row
from seqrec.raw.parse.objects import objects
from seqrec.raw.parse.read import UnreadableError, take_events
from seqrec.raw.parse.text import inspect
from seqrec.raw.source import Interactions

EVENT_TYPES = ("clicks", "carts", "orders")
EVENT = pl.Struct({"aid": pl.Int64, "ts": pl.Int64, "type": pl.String})
OPTIONS: dict = {
    "schema": {"session": pl.Int64, "events": pl.List(EVENT)},
    "ignore_errors": True,  # a value of another type becomes null
}
FILES = ("otto-recsys-train.jsonl", "train.jsonl")


@dataclass(frozen=True, kw_only=True)
class Otto:
    """One session a line: ``{"session": 0, "events": [{"aid": 1, "ts": 1659304800025, "type":
    "clicks"}, ...]}``.

    A session is a user; the type is context, called ``event``. The full training file has
    12,899,779 sessions, 1,855,603 items and 216,716,096 events.

    Args:
        kinds: events to read: clicks, carts, orders.
        raw_dir: folder with ``otto-recsys-train.jsonl`` or ``train.jsonl``, gzipped or not.
        max_bad_rows: largest share of malformed rows that is dropped.
    """

    has_ratings: ClassVar[bool] = False

    kinds: list[str] = field(default_factory=lambda: list(EVENT_TYPES))
    raw_dir: str | None = None
    max_bad_rows: float = 0.01

    def __post_init__(self) -> None:
        some_of("kinds", self.kinds, EVENT_TYPES)

    @property
    def name(self) -> str:
        """See :class:`~seqrec.raw.source.Source`."""
        return named_by("otto", self.kinds, EVENT_TYPES)

    def files(self) -> list[Path]:
        """See :class:`~seqrec.raw.source.Source`."""
        where = "https://github.com/otto-de/recsys-dataset"
        return [find(must_have(self.raw_dir, name="OTTO", where=where), FILES, where)]

    def read(self) -> Interactions:
        """See :class:`~seqrec.raw.source.Source`."""
        [path] = self.files()
        inspect(path)
        try:
            events, rejected = self._events(path, pl.scan_ndjson(path, **OPTIONS))
        except UnreadableError:
            events, rejected = self._events(path, *objects(path, **OPTIONS))
        return Interactions(events, None, rejected)

    def _events(
        self, path: Path, sessions: pl.LazyFrame, broken: Sequence[Row] = ()
    ) -> tuple[pl.LazyFrame, dict[str, int]]:
        events = sessions.explode("events", empty_as_null=False).unnest("events")
        unwanted = pl.col("type").is_in([kind for kind in EVENT_TYPES if kind not in self.kinds])
        return take_events(
            path,
            events.filter(~unwanted.fill_null(False)),
            user="session",
            item="aid",
            timestamp="ts",
            context={"event": Context("type")},
            time_unit="ms",
            max_bad_rows=self.max_bad_rows,
            broken=broken,
        )
