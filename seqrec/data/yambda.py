"""Yambda: tracks that listeners of Yandex Music played and liked, in three sizes."""

from dataclasses import dataclass
from pathlib import Path

from seqrec.data._options import one_of
from seqrec.raw.get.local import find, find_optional, must_have
from seqrec.raw.parse.checks import check_file
from seqrec.raw.parse.context import Context, present
from seqrec.raw.parse.formats import Parquet
from seqrec.raw.parse.read import read_events
from seqrec.raw.source import Interactions

SIZES = ("50m", "500m", "5b")
EVENT_TYPES = ("listens", "likes")
CONTEXT = {
    "organic": Context("is_organic"),
    "track_length": Context("track_length_seconds", "number"),
}


@dataclass(frozen=True, kw_only=True)
class Yambda:
    """The flat files ``flat/SIZE/listens.parquet`` and ``flat/SIZE/likes.parquet``.

    Columns: uid, timestamp, item_id, is_organic, and for listens played_ratio_pct (percent of
    the track, beyond 100 if parts were played again) and track_length_seconds. Times are seconds
    since an unknown day, rounded to 5, up to 26,000,000: 301 days. Here they count from 1970.

    The rating of a listen is its played_ratio_pct, so ``prepare.min_rating=50`` keeps what the
    publisher calls "listened"; likes have none. Context: organic (1: nobody recommended it) and
    track_length (seconds).

    Args:
        kind: ``listens`` or ``likes``.
        size: ``50m``, ``500m`` or ``5b``.
        raw_dir: the download, with its folder ``flat/SIZE``; or that folder itself.
        max_bad_rows: largest share of malformed rows that is dropped.

    Raises:
        ConfigError: a kind or size that isn't published.
    """

    kind: str = "listens"
    size: str = "50m"
    raw_dir: str | None = None
    max_bad_rows: float = 0.01

    def __post_init__(self) -> None:
        one_of("kind", self.kind, EVENT_TYPES)
        one_of("size", self.size, SIZES)

    @property
    def name(self) -> str:
        """See :class:`~seqrec.raw.source.Source`."""
        return f"yambda-{self.size}-{self.kind}"

    def files(self) -> list[Path]:
        """See :class:`~seqrec.raw.source.Source`."""
        where = "https://huggingface.co/datasets/yandex/yambda"
        folder = must_have(self.raw_dir, name="Yambda", where=where)
        name = f"{self.kind}.parquet"
        inner = find_optional(folder / "flat" / self.size, [name])
        return [inner or find(folder, [name], where)]

    def read(self) -> Interactions:
        """See :class:`~seqrec.raw.source.Source`."""
        [path] = self.files()
        check_file(path, Parquet(), {"user": "uid"})
        columns = Parquet().columns(path)
        events, rejected = read_events(
            path,
            Parquet(),
            user="uid",
            item="item_id",
            timestamp="timestamp",
            rating="played_ratio_pct" if self.kind == "listens" else None,
            context=present(CONTEXT, columns),
            time_unit="s",
            max_bad_rows=self.max_bad_rows,
        )
        return Interactions(events, None, rejected)
