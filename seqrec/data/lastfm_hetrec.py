"""Last.fm of HetRec 2011: artists that 1,892 users tagged, with the days."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import polars as pl

from seqrec.raw.get.archive import fetch_from
from seqrec.raw.get.fetch import RemoteFile
from seqrec.raw.get.local import find
from seqrec.raw.parse.formats import Delimited
from seqrec.raw.parse.read import read_events
from seqrec.raw.parse.table import read_table
from seqrec.raw.source import Interactions

EVENTS, ARTISTS = "user_taggedartists-timestamps.dat", "artists.dat"
ARCHIVE = RemoteFile(
    "hetrec2011-lastfm-2k.zip",
    ("https://files.grouplens.org/datasets/hetrec2011/hetrec2011-lastfm-2k.zip",),
    terms="Last.fm data of HetRec 2011: non-commercial use. Cite Cantador, Brusilovsky and Kuflik "
    "(2011) and http://www.last.fm.",
)
FORM = Delimited("\t", quoted=False)


@dataclass(frozen=True, kw_only=True)
class LastfmHetrec:
    """The file ``user_taggedartists-timestamps.dat``: user, artist, tag, time, to the day.

    Each tag that a user gave an artist is a row: 186,479 of them. ``prepare.repeats=first``, as
    in the configuration, keeps one event per user and artist.

    Args:
        raw_dir: folder with it and ``artists.dat``, gzipped or not; None: fetch them.
        fetch_dir: where fetched files are kept.
        max_bad_rows: largest share of malformed rows that is dropped.
    """

    has_ratings: ClassVar[bool] = False

    raw_dir: str | None = None
    fetch_dir: str = "raw"
    max_bad_rows: float = 0.01

    name = "lastfm-hetrec"

    def files(self) -> list[Path]:
        """See :class:`~seqrec.raw.source.Source`."""
        if self.raw_dir is not None:
            return [find(self.raw_dir, [name]) for name in (EVENTS, ARTISTS)]
        return fetch_from(ARCHIVE, [EVENTS, ARTISTS], Path(self.fetch_dir) / "lastfm-hetrec")

    def read(self) -> Interactions:
        """See :class:`~seqrec.raw.source.Source`."""
        tagged, artists = self.files()
        events, rejected = read_events(
            tagged,
            FORM,
            user="userID",
            item="artistID",
            timestamp="timestamp",
            time_unit="ms",
            max_bad_rows=self.max_bad_rows,
        )
        columns = {"artist": "id", "name": "name"}
        table = read_table(artists, FORM, columns, one="artist", max_bad_rows=self.max_bad_rows)
        names = table.lazy().select(pl.col("id").alias("item"), pl.col("name").alias("title"))
        return Interactions(events, names, rejected)
