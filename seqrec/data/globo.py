"""Globo.com: clicks on the articles of a Brazilian news portal in October 2017."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import polars as pl

from seqrec.errors import DataError
from seqrec.raw.get.local import find_all, find_optional, must_have
from seqrec.raw.parse.checks import check_file
from seqrec.raw.parse.context import Context, present
from seqrec.raw.parse.formats import Delimited
from seqrec.raw.parse.read import join_events, read_events
from seqrec.raw.parse.table import read_table
from seqrec.raw.source import Interactions

ARTICLES = ("articles_metadata.csv", "articles_metadata_part.csv")
FEATURES = ("category_id", "publisher_id", "words_count", "created_at_ts")
CONTEXT = {
    "environment": Context("click_environment"),
    "device": Context("click_deviceGroup"),
    "os": Context("click_os"),
    "country": Context("click_country"),
    "region": Context("click_region"),
    "referrer": Context("click_referrer_type"),
}


@dataclass(frozen=True, kw_only=True)
class Globo:
    """The hourly files ``clicks_hour_*.csv`` and the table ``articles_metadata.csv``.

    The full data has 322,897 users, 46,033 articles that were clicked and 2,988,181 clicks.
    The context of a click is its environment, device, os, country, region and referrer, as codes.
    Features of an article: category_id, publisher_id, words_count, created_day (days since 1970).

    Args:
        raw_dir: folder that has them; the hourly files may be in its subfolder ``clicks``.
        max_bad_rows: largest share of malformed rows of a file that is dropped.
    """

    has_ratings: ClassVar[bool] = False

    raw_dir: str | None = None
    max_bad_rows: float = 0.01

    name = "globo"

    def files(self) -> list[Path]:
        """See :class:`~seqrec.raw.source.Source`; the table of articles last, if there is one."""
        where = (
            "https://www.kaggle.com/datasets/gspmoreira/news-portal-user-interactions-by-globocom"
        )
        folder = must_have(self.raw_dir, name="Globo.com", where=where)
        hours = [p for at in (folder, folder / "clicks") for p in find_all(at, "clicks_hour_*.csv")]
        if not hours:
            raise DataError(
                "there is no clicks_hour_*.csv",
                where=str(folder.absolute()),
                todo="set data.raw_dir to the folder that has these files, or whose clicks/ has",
            )
        table = find_optional(folder, ARTICLES)
        return [*hours, *([table] if table else [])]

    def read(self) -> Interactions:
        """See :class:`~seqrec.raw.source.Source`."""
        *hours, last = self.files()
        described = last.name.startswith("articles")
        parts = []
        for hour in hours if described else [*hours, last]:
            form = Delimited(",")
            check_file(hour, form, {"user": "user_id"})
            part = read_events(
                hour,
                form,
                user="user_id",
                item="click_article_id",
                timestamp="click_timestamp",
                context=present(CONTEXT, form.columns(hour)),
                time_unit="ms",
                max_bad_rows=self.max_bad_rows,
            )
            parts.append(part)
        events, rejected = join_events(parts)
        return Interactions(events, self._articles(last) if described else None, rejected)

    def _articles(self, path: Path) -> pl.LazyFrame:
        columns = {"article": "article_id", **{name: name for name in FEATURES}}
        table = read_table(
            path, Delimited(","), columns, one="article", max_bad_rows=self.max_bad_rows
        )
        created = pl.col("created_at_ts").cast(pl.Float64, strict=False) / 86_400_000
        return table.lazy().select(
            pl.col("article_id").alias("item"),
            pl.lit(None, pl.String).alias("title"),
            "category_id",
            "publisher_id",
            pl.col("words_count").cast(pl.Int64, strict=False),
            created.alias("created_day"),
        )
