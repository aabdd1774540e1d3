"""MIND: news that readers of Microsoft News clicked in autumn 2019 (Wu et al. 2020)."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import polars as pl

from seqrec.data.source import Interactions
from seqrec.raw.formats import Delimited
from seqrec.raw.local import find, must_have
from seqrec.raw.read import take_events
from seqrec.raw.text import inspect

IMPRESSIONS = ("impression", "user", "time", "history", "shown")
NEWS = ("item", "category", "subcategory", "title", "abstract", "url", "entities", "more")
CLOCK = "%m/%d/%Y %I:%M:%S %p"


@dataclass(frozen=True, kw_only=True)
class Mind:
    """``behaviors.tsv`` (impression, user, time, history, shown news as ``N129416-0 N26703-1``)
    and ``news.tsv`` (id, category, subcategory, title, abstract, url, entities), without headers.

    Events are the clicked news of each impression, at its time. The clicks of ``history`` have no
    times; they come before those, in their order, and are dated like the user's first impression.
    Features of a news: category, subcategory, abstract. MINDsmall's training part has 50,000
    users, 51,282 news and 156,965 impressions.

    Args:
        raw_dir: folder with both files, such as ``MINDsmall_train``.
        max_bad_rows: largest share of malformed events that is dropped.
    """

    has_ratings: ClassVar[bool] = False

    raw_dir: str | None = None
    max_bad_rows: float = 0.01

    name = "mind"

    def files(self) -> list[Path]:
        """See :class:`~seqrec.data.source.Source`."""
        folder = must_have(self.raw_dir, name="MIND", where="https://msnews.github.io")
        return [find(folder, [name]) for name in ("behaviors.tsv", "news.tsv")]

    def read(self) -> Interactions:
        """See :class:`~seqrec.data.source.Source`."""
        behaviors, news = self.files()
        inspect(behaviors)
        inspect(news)
        form = Delimited("\t", IMPRESSIONS, quoted=False)
        shown = form.scan(behaviors).with_columns(
            time=pl.col("time").str.to_datetime(CLOCK, strict=False).dt.epoch("ms")
        )
        first = shown.sort("time", nulls_last=True, maintain_order=True).unique(
            "user", keep="first", maintain_order=True
        )
        before = first.with_columns(item=pl.col("history").str.extract_all(r"\S+"))
        clicked = shown.with_columns(item=pl.col("shown").str.extract_all(r"\S+-1(?:\s|$)"))
        events = pl.concat([before, clicked]).filter(pl.col("item").list.len() > 0).explode("item")
        table, rejected = take_events(
            behaviors,
            events.with_columns(pl.col("item").str.strip_chars().str.strip_suffix("-1")),
            user="user",
            item="item",
            timestamp="time",
            time_unit="ms",
            max_bad_rows=self.max_bad_rows,
        )
        described = Delimited("\t", NEWS, quoted=False).scan(news)
        items = described.select("item", "title", "category", "subcategory", "abstract")
        return Interactions(table, items, rejected)
