"""MIND: news that readers of Microsoft News clicked in October and November 2019."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import polars as pl

from seqrec.raw.get.local import find, find_all, find_optional, must_have
from seqrec.raw.parse.checks import check_file
from seqrec.raw.parse.formats import Delimited, Row
from seqrec.raw.parse.objects import Lines, read_lines
from seqrec.raw.parse.read import join_events, take_events
from seqrec.raw.parse.table import read_table
from seqrec.raw.source import Interactions

BEHAVIORS = Delimited("\t", ("impression", "user", "time", "history", "shown"), quoted=False)
NEWS = Delimited(
    "\t",
    ("item", "category", "subcategory", "title", "abstract", "url", "entities", "mentions"),
    quoted=False,
)
TIME = pl.col("time").str.to_datetime("%m/%d/%Y %I:%M:%S %p", strict=False).dt.epoch("ms")


@dataclass(frozen=True, kw_only=True)
class Mind:
    """The files ``behaviors.tsv`` and ``news.tsv``, without headers, of training or validation.

    A line of behaviors is impression, user, time (``11/15/2019 8:55:22 AM``), history (ids of
    news, oldest first) and what was shown (``N129416-0 N26703-1``: 1 was clicked). Each click is
    an event at its impression's time. Features of news: category, subcategory and abstract.

    The history holds clicks of the four weeks before, without times: the one of a user's earliest
    impression comes first, in its order, all at one millisecond before the earliest impression of
    the data. A temporal split thus counts it as the past; intervals within it are meaningless.

    Args:
        history: whether to read the history, too.
        raw_dir: folder with both files, or a folder of such folders (``MINDsmall_train``,
            ``MINDsmall_dev``), whose events are joined. The test part has no clicks.
        max_bad_rows: largest share of malformed clicks of a file that is dropped.
    """

    has_ratings: ClassVar[bool] = False

    history: bool = True
    raw_dir: str | None = None
    max_bad_rows: float = 0.01

    name = "mind"

    def files(self) -> list[Path]:
        """See :class:`~seqrec.raw.source.Source`; behaviors and news of each folder in turn."""
        page = "https://msnews.github.io"
        folder = must_have(self.raw_dir, name="MIND", where=page)
        inner = [path.parent for path in find_all(folder, "*/behaviors.tsv")]
        if not inner or find_optional(folder, ["behaviors.tsv"]):
            inner = [folder]
        return [find(at, [name], page) for at in inner for name in ("behaviors.tsv", "news.tsv")]

    def read(self) -> Interactions:
        """See :class:`~seqrec.raw.source.Source`."""
        files = self.files()
        behaviors, news = files[::2], files[1::2]
        for path in behaviors:
            check_file(path, BEHAVIORS, {})
        events, rejected = read_lines(behaviors, BEHAVIORS, self._events)
        return Interactions(events, pl.concat([self._news(path) for path in news]), rejected)

    def _events(self, files: list[Lines]) -> tuple[pl.LazyFrame, dict[str, int]]:
        events, rejected = join_events(self._clicks(*file) for file in files)
        if self.history:
            events = pl.concat([_histories([rows for _, rows, _ in files]), events])
        return events, rejected

    def _clicks(
        self, path: Path, rows: pl.LazyFrame, broken: Sequence[Row]
    ) -> tuple[pl.LazyFrame, dict[str, int]]:
        each = pl.col("shown")
        clicked = pl.when(each.str.ends_with("-1")).then(each.str.strip_suffix("-1"))
        return take_events(
            path,
            rows.with_columns(each.str.strip_chars().str.split(" "), time=TIME)
            .explode("shown")
            .filter(~each.str.ends_with("-0").fill_null(False))
            .with_columns(clicked=clicked),
            user="user",
            item="clicked",
            timestamp="time",
            time_unit="ms",
            max_bad_rows=self.max_bad_rows,
            broken=broken,
        )

    def _news(self, path: Path) -> pl.LazyFrame:
        table = read_table(
            path, NEWS, {"article": "item"}, one="article", max_bad_rows=self.max_bad_rows
        )
        return table.lazy().select("item", "title", "category", "subcategory", "abstract")


def _histories(behaviors: list[pl.LazyFrame]) -> pl.LazyFrame:
    """Return the history of each user's earliest impression, as events."""
    rows = pl.concat(behaviors).with_columns(time=TIME)
    return (
        rows.with_columns(before=pl.col("time").min() - 1)
        .drop_nulls(["user", "time"])
        .sort("time", maintain_order=True)
        .unique("user", keep="first", maintain_order=True)
        .drop_nulls("history")
        .select("user", item=pl.col("history").str.strip_chars().str.split(" "), timestamp="before")
        .explode("item")
        .filter(pl.col("item") != "")
    )
