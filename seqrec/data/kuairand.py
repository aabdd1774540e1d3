"""KuaiRand: short videos shown to users of Kuaishou in 2022, with their reactions."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import polars as pl

from seqrec.data.source import Interactions
from seqrec.errors import DataError
from seqrec.raw.context import Context
from seqrec.raw.formats import MISFIT, Delimited
from seqrec.raw.local import must_have
from seqrec.raw.read import check_file, read_events

FORM = Delimited(",")
CONTEXT = {
    "like": Context("is_like"),
    "play_time": Context("play_time_ms", "number"),
    "duration": Context("duration_ms", "number"),
    "tab": Context("tab"),
}


@dataclass(frozen=True, kw_only=True)
class KuaiRand:
    """The files ``log_standard_*.csv``: user_id, video_id, time_ms, is_click, is_like,
    play_time_ms, duration_ms, tab and more, of KuaiRand-Pure, -1K or -27K (Gao et al. 2022).

    The rating is ``is_click``, 1 or 0: ``prepare.min_rating=1``, as in the configuration, keeps
    what was clicked. Context: like, play_time and duration (ms), tab. With
    ``video_features_basic_*.csv`` videos have the features author and tags.

    Args:
        raw_dir: folder that has the files, gzipped or not.
        max_bad_rows: largest share of malformed rows of a file that is dropped.
    """

    has_ratings: ClassVar[bool] = True

    raw_dir: str | None = None
    max_bad_rows: float = 0.01

    name = "kuairand"

    def files(self) -> list[Path]:
        """See :class:`~seqrec.data.source.Source`; the tables of videos last, if there are."""
        folder = must_have(self.raw_dir, name="KuaiRand", where="https://kuairand.com")
        logs = sorted(folder.glob("log_standard_*.csv*"))
        if not logs:
            raise DataError(
                "there is no log_standard_*.csv",
                where=str(folder.absolute()),
                todo="set data.raw_dir to the folder data/ of KuaiRand-Pure, -1K or -27K",
            )
        return [*logs, *sorted(folder.glob("video_features_basic_*.csv*"))]

    def read(self) -> Interactions:
        """See :class:`~seqrec.data.source.Source`."""
        parts, rejected = [], dict[str, int]()
        files = self.files()
        tables = [path for path in files if path.name.startswith("video")]
        for path in files[: len(files) - len(tables)]:
            events, bad = read_events(
                path,
                FORM,
                user="user_id",
                item="video_id",
                timestamp="time_ms",
                rating="is_click",
                context=CONTEXT,
                time_unit="ms",
                max_bad_rows=self.max_bad_rows,
            )
            parts.append(events.with_columns(pl.col("user", "item").cast(pl.String)))
            rejected = {key: rejected.get(key, 0) + bad.get(key, 0) for key in {*rejected, *bad}}
        items = pl.concat([_videos(path) for path in tables]) if tables else None
        return Interactions(pl.concat(parts), items, rejected)


def _videos(path: Path) -> pl.LazyFrame:
    check_file(path, FORM, {"video": "video_id", "author": "author_id", "tags": "tag"}, one="video")
    return (
        FORM.scan(path)
        .drop(MISFIT)
        .select(
            pl.col("video_id").alias("item"),
            pl.lit(None, pl.String).alias("title"),
            pl.col("author_id").alias("author"),
            pl.col("tag").str.extract_all(r"\d+").alias("tags"),
        )
    )
