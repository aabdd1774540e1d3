"""KuaiRec: short videos that users of Kuaishou were shown in 2020, and how long they watched."""

from dataclasses import dataclass
from pathlib import Path

import polars as pl

from seqrec.data._kuaishou import kuaishou_users
from seqrec.data._options import one_of
from seqrec.raw.get.local import find, find_optional, must_have
from seqrec.raw.parse.context import Context
from seqrec.raw.parse.formats import Delimited
from seqrec.raw.parse.read import read_events
from seqrec.raw.parse.table import read_table
from seqrec.raw.source import Interactions

MATRICES = ("big", "small")
CSV = Delimited(",")
CONTEXT = ("play_duration", "video_duration")


@dataclass(frozen=True, kw_only=True)
class KuaiRec:
    """The file ``big_matrix.csv`` or ``small_matrix.csv``.

    Columns: user_id, video_id, play_duration and video_duration (ms), time, date, timestamp
    (seconds since 1970, with a fraction), watch_ratio (play_duration / video_duration). The watch
    ratio is the rating, the durations are context. Rows of the small matrix without a time are
    malformed. With ``item_categories.csv`` (``video_id,feat``: ``0,"[8]"``) in the folder, videos
    have the list feat; with ``user_features.csv``, users have the attributes activity, whether they
    publish videos, and ranges of days registered and of numbers of followed users, fans, friends.

    Args:
        matrix: ``big`` (16 % of all pairs) or ``small`` (nearly all pairs of its users and videos).
        raw_dir: the unpacked archive, or its folder ``data``.
        max_bad_rows: largest share of malformed rows that is dropped.

    Raises:
        ConfigError: `matrix` is neither.
    """

    matrix: str = "big"
    raw_dir: str | None = None
    max_bad_rows: float = 0.01

    def __post_init__(self) -> None:
        one_of("matrix", self.matrix, MATRICES)

    @property
    def name(self) -> str:
        """See :class:`~seqrec.raw.source.Source`."""
        return f"kuairec-{self.matrix}"

    def files(self) -> list[Path]:
        """See :class:`~seqrec.raw.source.Source`; tables of videos and users last, if present."""
        page = "https://kuairec.com"
        folder = must_have(self.raw_dir, name="KuaiRec", where=page)
        if (folder / "data").is_dir():
            folder = folder / "data"
        tables = [find_optional(folder, [f"{n}.csv"]) for n in ("item_categories", "user_features")]
        return [find(folder, [f"{self.matrix}_matrix.csv"], page), *filter(None, tables)]

    def read(self) -> Interactions:
        """See :class:`~seqrec.raw.source.Source`."""
        matrix, *tables = self.files()
        events, rejected = read_events(
            matrix,
            CSV,
            user="user_id",
            item="video_id",
            timestamp="timestamp",
            rating="watch_ratio",
            context={name: Context(name, "number") for name in CONTEXT},
            time_unit="s",
            max_bad_rows=self.max_bad_rows,
        )
        videos = next((self._videos(p) for p in tables if p.name.startswith("item")), None)
        users = [p for p in tables if p.name.startswith("user")]
        people = kuaishou_users(users[0], max_bad_rows=self.max_bad_rows) if users else None
        return Interactions(events, videos, rejected, people)

    def _videos(self, path: Path) -> pl.LazyFrame:
        columns = {"video": "video_id", "feat": "feat"}
        table = read_table(path, CSV, columns, one="video", max_bad_rows=self.max_bad_rows)
        return table.lazy().select(
            pl.col("video_id").alias("item"),
            pl.lit(None, pl.String).alias("title"),
            pl.col("feat").str.extract_all(r"\d+"),
        )
