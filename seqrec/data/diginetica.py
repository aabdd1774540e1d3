"""Diginetica: product views of an online shop in 2016, by session (CIKM Cup 2016)."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import polars as pl

from seqrec.raw.get.local import find, must_have
from seqrec.raw.parse.checks import check_file
from seqrec.raw.parse.formats import Delimited
from seqrec.raw.parse.objects import Lines, read_lines
from seqrec.raw.parse.read import take_events
from seqrec.raw.source import Interactions

VIEWS = ("train-item-views.csv", "sample_train-item-views.csv")
NEEDED = {"session": "session_id", "item": "item_id", "frame": "timeframe", "date": "eventdate"}


@dataclass(frozen=True, kw_only=True)
class Diginetica:
    """The file ``train-item-views.csv``: session, user, item, milliseconds in the session, day.

    A session is a user; an event's time is its day plus the milliseconds since the session began,
    as the file has no time of day. In the full file 204,789 sessions have more than one view.

    Args:
        raw_dir: folder that has it, or ``sample_train-item-views.csv``, gzipped or not.
        max_bad_rows: largest share of malformed rows that is dropped.
    """

    has_ratings: ClassVar[bool] = False

    raw_dir: str | None = None
    max_bad_rows: float = 0.01

    name = "diginetica"

    def files(self) -> list[Path]:
        """See :class:`~seqrec.raw.source.Source`."""
        where = "https://competitions.codalab.org/competitions/11161"
        return [find(must_have(self.raw_dir, name="Diginetica", where=where), VIEWS, where)]

    def read(self) -> Interactions:
        """See :class:`~seqrec.raw.source.Source`."""
        [views] = self.files()
        form = Delimited(";")
        check_file(views, form, NEEDED)
        events, rejected = read_lines([views], form, self._views)
        return Interactions(events, None, rejected)

    def _views(self, files: list[Lines]) -> tuple[pl.LazyFrame, dict[str, int]]:
        [(path, rows, broken)] = files
        day = pl.col("eventdate").str.to_date("%Y-%m-%d", strict=False).dt.epoch("ms")
        time = day + pl.col("timeframe").cast(pl.Int64, strict=False)
        return take_events(
            path,
            rows.with_columns(time.alias("time")),
            user="session_id",
            item="item_id",
            timestamp="time",
            time_unit="ms",
            max_bad_rows=self.max_bad_rows,
            broken=broken,
        )
