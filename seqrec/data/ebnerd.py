"""EB-NeRD: articles that readers of Ekstra Bladet opened in 2023 (RecSys Challenge 2024)."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import polars as pl

from seqrec.errors import DataError
from seqrec.raw.get.local import find, find_optional, must_have
from seqrec.raw.parse.checks import check_file
from seqrec.raw.parse.context import Context, present
from seqrec.raw.parse.formats import Parquet
from seqrec.raw.parse.read import AGAIN, take_events
from seqrec.raw.parse.text import reading
from seqrec.raw.source import Interactions

LISTS = ["article_id_fixed", "impression_time_fixed"]
CONTEXT = {
    "read_time": Context("read_time_fixed", "number"),
    "scroll": Context("scroll_percentage_fixed", "number"),
}
FEATURES = ("category_str", "article_type", "premium", "topics")
BUNDLES = [f"ebnerd_{size}" for size in ("demo", "small", "large")]  # as the publisher unpacks
PARTS = ["train", "validation"]


@dataclass(frozen=True, kw_only=True)
class Ebnerd:
    """The file ``history.parquet``: a user's articles and times as lists.

    With ``articles.parquet`` in the folder, or one above it, articles have their title and the
    features category_str, article_type, premium and topics. The context of an event is its
    read_time (seconds) and scroll (percent), where the file has them.

    Args:
        raw_dir: folder with ``history.parquet``, such as ``ebnerd_small/train``.
        max_bad_rows: largest share of malformed events that is dropped.
    """

    has_ratings: ClassVar[bool] = False

    raw_dir: str | None = None
    max_bad_rows: float = 0.01

    @property
    def name(self) -> str:
        """The bundle and part that `raw_dir` is named after, as in ebnerd-small-train, if any."""
        *_, bundle, part = ("", "", *Path(self.raw_dir or "").expanduser().absolute().parts)
        if bundle not in BUNDLES or part not in PARTS:
            return "ebnerd"
        return f"{bundle}-{part}".replace("_", "-")

    def files(self) -> list[Path]:
        """See :class:`~seqrec.raw.source.Source`; the table of articles last, if there is one."""
        page = "https://recsys.eb.dk/dataset/"
        folder = must_have(self.raw_dir, name="EB-NeRD", where=page)
        names = ["articles.parquet"]
        table = find_optional(folder, names) or find_optional(folder.absolute().parent, names)
        return [find(folder, ["history.parquet"], page), *([table] if table else [])]

    def read(self) -> Interactions:
        """See :class:`~seqrec.raw.source.Source`."""
        history, *tables = self.files()
        form = Parquet()
        check_file(history, form, {"user": "user_id"})
        context = present(CONTEXT, form.columns(history))
        lists = [*LISTS, *(seen.column for seen in context.values())]
        events, rejected = take_events(
            history,
            pl.scan_parquet(history).select("user_id", *lists).explode(lists, empty_as_null=False),
            user="user_id",
            item="article_id_fixed",
            timestamp="impression_time_fixed",
            context=context,
            time_unit="iso",
            max_bad_rows=self.max_bad_rows,
        )
        return Interactions(events, _articles(tables[0]) if tables else None, rejected)


def _articles(path: Path) -> pl.LazyFrame:
    check_file(path, Parquet(), {"article": "article_id", "title": "title"}, one="article")
    table = pl.scan_parquet(path)
    features = [name for name in FEATURES if name in table.collect_schema()]
    item = pl.col("article_id").cast(pl.String).alias("item")
    with reading(path):
        articles = table.select(item, "title", *features).drop_nulls("item").collect()
    if articles.is_empty():
        raise DataError(f"{path.name} has no rows", where=str(path), todo=AGAIN)
    return articles.lazy()
