"""KuaiRand: short videos that users of Kuaishou were shown in April and May 2022."""

from dataclasses import dataclass
from pathlib import Path

import polars as pl

from seqrec.data._kuaishou import kuaishou_users
from seqrec.data._options import one_of
from seqrec.errors import DataError
from seqrec.raw.get.local import find_all, find_optional, must_have
from seqrec.raw.parse.checks import check_file
from seqrec.raw.parse.context import Context, present
from seqrec.raw.parse.derived import Derived
from seqrec.raw.parse.formats import Delimited
from seqrec.raw.parse.read import join_events, read_events
from seqrec.raw.parse.table import read_table
from seqrec.raw.source import Interactions

VERSIONS = ("pure", "1k", "27k")
CSV = Delimited(",")
RATIO = pl.col("play_time_ms").cast(pl.Float64, strict=False) / pl.col("duration_ms").cast(
    pl.Float64, strict=False
)
CONTEXT = {
    "play_time": Context("play_time_ms", "number"),
    "duration": Context("duration_ms", "number"),
    "like": Context("is_like"),
    "tab": Context("tab"),
}
FEATURES = ("author_id", "video_type", "upload_type", "video_duration", "music_type", "tag")
NEEDED = {"played": "play_time_ms", "duration": "duration_ms"}


@dataclass(frozen=True, kw_only=True)
class KuaiRand:
    """The logs of standard recommendation, ``log_standard_*.csv``.

    Columns are user_id, video_id, date, hourmin, time_ms (since 1970), twelve signals such as
    is_click, among them play_time_ms and duration_ms, and tab. The rating is the watch ratio,
    play_time_ms / duration_ms; play_time, duration, like and tab are context. The log of randomly
    shown videos isn't read by default, as no recommender chose them. With `random` it joins the
    others, and the context has a column ``exposure`` (``chosen`` or ``random``), by which a test is
    sliced: what users liked of random videos is a test that no recommender has biased. With
    ``video_features_basic_VERSION.csv`` in the folder, videos have the features author_id,
    video_type, upload_type, video_duration (ms), music_type and tag (a list); with
    ``user_features_VERSION.csv``, users have the attributes activity, whether they publish videos,
    and ranges of days registered and of the numbers of followed users, fans and friends.

    Args:
        version: ``pure`` (7,583 videos), ``1k`` (1,000 users) or ``27k`` (all).
        raw_dir: the unpacked archive, or its folder ``data``.
        random: read ``log_random_*.csv``, too.
        max_bad_rows: largest share of malformed rows of a file that is dropped.

    Raises:
        ConfigError: a version that isn't published.
    """

    version: str = "pure"
    raw_dir: str | None = None
    random: bool = False
    max_bad_rows: float = 0.01

    def __post_init__(self) -> None:
        one_of("version", self.version, VERSIONS)

    @property
    def name(self) -> str:
        """See :class:`~seqrec.raw.source.Source`."""
        return f"kuairand-{self.version}" + ("-random" if self.random else "")

    def files(self) -> list[Path]:
        """See :class:`~seqrec.raw.source.Source`; tables of videos and users last, if present."""
        folder = must_have(self.raw_dir, name="KuaiRand", where="https://kuairand.com")
        if (folder / "data").is_dir():
            folder = folder / "data"
        logs = find_all(folder, f"log_standard_*_{self.version}*.csv")
        if not logs:
            raise DataError(
                f"there is no log_standard_*_{self.version}.csv",
                where=str(folder.absolute()),
                todo="set data.raw_dir to the folder that has these files, or change data.version",
            )
        if self.random:
            logs += find_all(folder, f"log_random_*_{self.version}*.csv")
        names = (f"{n}_{self.version}.csv" for n in ("video_features_basic", "user_features"))
        return [*logs, *filter(None, (find_optional(folder, [name]) for name in names))]

    def read(self) -> Interactions:
        """See :class:`~seqrec.raw.source.Source`."""
        paths = self.files()
        videos, users = ([p for p in paths if p.name.startswith(n)] for n in ("video", "user"))
        parts = []
        for path in (path for path in paths if path.name.startswith("log")):
            check_file(path, CSV, NEEDED)
            made, context = {"watch_ratio": RATIO}, present(CONTEXT, CSV.columns(path))
            if self.random:
                shown = "random" if path.name.startswith("log_random") else "chosen"
                made["exposure"], context["exposure"] = pl.lit(shown), Context("exposure")
            part = read_events(
                path,
                Derived(CSV, made),
                user="user_id",
                item="video_id",
                timestamp="time_ms",
                rating="watch_ratio",
                context=context,
                time_unit="ms",
                max_bad_rows=self.max_bad_rows,
            )
            parts.append(part)
        events, rejected = join_events(parts)
        people = kuaishou_users(users[0], max_bad_rows=self.max_bad_rows) if users else None
        return Interactions(events, self._videos(videos[0]) if videos else None, rejected, people)

    def _videos(self, path: Path) -> pl.LazyFrame:
        columns = {"video": "video_id", **{name: name for name in FEATURES}}
        table = read_table(path, CSV, columns, one="video", max_bad_rows=self.max_bad_rows)
        return table.lazy().select(
            pl.col("video_id").alias("item"),
            pl.lit(None, pl.String).alias("title"),
            "author_id",
            "video_type",
            "upload_type",
            pl.col("video_duration").cast(pl.Float32, strict=False),
            "music_type",
            pl.col("tag").str.split(","),
        )
