"""Yambda: ten months of listening and liking in Yandex Music (Ploshkin et al. 2025)."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

import polars as pl

from seqrec.data.source import Interactions
from seqrec.raw.context import Context
from seqrec.raw.formats import Parquet
from seqrec.raw.local import find, must_have
from seqrec.raw.read import read_events

CONTEXT = {
    "organic": Context("is_organic"),
    "track_length": Context("track_length_seconds", "number"),
}
PLAYED = "played_ratio_pct"


@dataclass(frozen=True, kw_only=True)
class Yambda:
    """The flat files ``listens.parquet`` or ``likes.parquet``: uid, timestamp, item_id, and more.

    Times are seconds since an origin that isn't published, rounded to 5 seconds: cuts are given as
    shares or as dates of 1970. The rating of a listen is the share of the track that was played, in
    percent, so ``prepare.min_rating=50`` keeps what was heard at least half through, as the
    publishers do. Context: organic (1: not recommended) and track_length (seconds).

    Args:
        events: ``listens`` or ``likes``.
        raw_dir: folder that has the file, such as ``flat/50m``.
        max_bad_rows: largest share of malformed rows that is dropped.
    """

    has_ratings: ClassVar[bool] = True

    events: Literal["listens", "likes"] = "listens"
    raw_dir: str | None = None
    max_bad_rows: float = 0.01

    @property
    def name(self) -> str:
        """See :class:`~seqrec.data.source.Source`."""
        return f"yambda-{self.events}"

    def files(self) -> list[Path]:
        """See :class:`~seqrec.data.source.Source`."""
        where = "https://huggingface.co/datasets/yandex/yambda"
        folder = must_have(self.raw_dir, name="Yambda", where=where)
        return [find(folder, [f"{self.events}.parquet"])]

    def read(self) -> Interactions:
        """See :class:`~seqrec.data.source.Source`."""
        [path], form = self.files(), Parquet()
        there = pl.read_parquet_schema(path)
        events, rejected = read_events(
            path,
            form,
            user="uid",
            item="item_id",
            timestamp="timestamp",
            rating=PLAYED if PLAYED in there else None,
            context={name: seen for name, seen in CONTEXT.items() if seen.column in there},
            time_unit="s",
            max_bad_rows=self.max_bad_rows,
        )
        return Interactions(events, None, rejected)
