"""KuaiRec: short videos that users of Kuaishou watched in 2020 (Gao et al. 2022)."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

import polars as pl

from seqrec.data.source import Interactions
from seqrec.raw.context import Context
from seqrec.raw.formats import MISFIT, Delimited
from seqrec.raw.local import find, find_optional, must_have
from seqrec.raw.read import check_file, read_events

FORM = Delimited(",")


@dataclass(frozen=True, kw_only=True)
class KuaiRec:
    """``big_matrix.csv`` or ``small_matrix.csv``: user_id, video_id, play_duration,
    video_duration, time, date, timestamp (s), watch_ratio.

    The rating is the watch ratio: ``prepare.min_rating=1`` keeps videos watched to their end.
    Context: play_duration and video_duration (ms). With ``item_categories.csv`` in the folder
    videos have the feature tags. The big matrix has 7,176 users, 10,728 videos and 12,530,806
    views.

    Args:
        matrix: ``big``, or ``small``: nearly every user has watched every video; its rows without
            a time are malformed ones.
        raw_dir: folder that has the files, gzipped or not.
        max_bad_rows: largest share of malformed rows that is dropped.
    """

    has_ratings: ClassVar[bool] = True

    matrix: Literal["big", "small"] = "big"
    raw_dir: str | None = None
    max_bad_rows: float = 0.01

    @property
    def name(self) -> str:
        """See :class:`~seqrec.data.source.Source`."""
        return f"kuairec-{self.matrix}"

    def files(self) -> list[Path]:
        """See :class:`~seqrec.data.source.Source`; the table of categories last, if there."""
        folder = must_have(self.raw_dir, name="KuaiRec", where="https://kuairec.com")
        table = find_optional(folder, ["item_categories.csv"])
        return [find(folder, [f"{self.matrix}_matrix.csv"]), *([table] if table else [])]

    def read(self) -> Interactions:
        """See :class:`~seqrec.data.source.Source`."""
        matrix, *tables = self.files()
        events, rejected = read_events(
            matrix,
            FORM,
            user="user_id",
            item="video_id",
            timestamp="timestamp",
            rating="watch_ratio",
            context={name: Context(name, "number") for name in ("play_duration", "video_duration")},
            time_unit="s",
            max_bad_rows=self.max_bad_rows,
        )
        return Interactions(events, _tags(tables[0]) if tables else None, rejected)


def _tags(path: Path) -> pl.LazyFrame:
    """``video_id,feat``, a list like ``"[27, 9]"``."""
    check_file(path, FORM, {"video": "video_id", "tags": "feat"}, one="video")
    return (
        FORM.scan(path)
        .drop(MISFIT)
        .select(
            pl.col("video_id").alias("item"),
            pl.lit(None, pl.String).alias("title"),
            pl.col("feat").str.extract_all(r"\d+").alias("tags"),
        )
    )
