"""YOOCHOOSE: clicks of an online shop in 2014, by session (RecSys Challenge 2015)."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from seqrec.raw.get.local import find, must_have
from seqrec.raw.parse.formats import Delimited
from seqrec.raw.parse.read import read_events
from seqrec.raw.source import Interactions

COLUMNS = ("session", "timestamp", "item", "category")


@dataclass(frozen=True, kw_only=True)
class Yoochoose:
    """The file ``yoochoose-clicks.dat``: session, ISO time, item, category; no header.

    A session is a user. The full file has 9,249,729 sessions, 52,739 items and 33,003,944 clicks.

    Args:
        raw_dir: folder that has it, gzipped or not.
        max_bad_rows: largest share of malformed rows that is dropped.
    """

    has_ratings: ClassVar[bool] = False

    raw_dir: str | None = None
    max_bad_rows: float = 0.01

    name = "yoochoose"

    def files(self) -> list[Path]:
        """See :class:`~seqrec.raw.source.Source`."""
        where = "https://www.kaggle.com/datasets/chadgostopp/recsys-challenge-2015"
        folder = must_have(self.raw_dir, name="YOOCHOOSE", where=where)
        return [find(folder, ["yoochoose-clicks.dat"], where)]

    def read(self) -> Interactions:
        """See :class:`~seqrec.raw.source.Source`."""
        [clicks] = self.files()
        events, rejected = read_events(
            clicks,
            Delimited(",", COLUMNS),
            user="session",
            item="item",
            timestamp="timestamp",
            time_unit="iso",
            max_bad_rows=self.max_bad_rows,
        )
        return Interactions(events, None, rejected)
