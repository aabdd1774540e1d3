"""Last.fm 1K: every track that 992 listeners played until 2009."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

import polars as pl

from seqrec.data.source import Interactions
from seqrec.raw.formats import Delimited
from seqrec.raw.local import find, must_have
from seqrec.raw.read import take_events
from seqrec.raw.text import inspect

PLAYS = "userid-timestamp-artid-artname-traid-traname.tsv"
FORM = Delimited(
    "\t", ("user", "timestamp", "artist_id", "artist", "track_id", "track"), quoted=False
)


@dataclass(frozen=True, kw_only=True)
class Lastfm1K:
    """The file ``userid-timestamp-artid-artname-traid-traname.tsv``, without header.

    Columns: user, ISO time, MusicBrainz id and name of the artist, and of the track. As the ids
    are missing for many, items are told by name. The full file has 992 users and 19,150,868 plays.

    Args:
        items: ``artists``, or ``tracks``, called ``artist - track``.
        raw_dir: folder that has it, gzipped or not.
        max_bad_rows: largest share of malformed rows that is dropped.
    """

    has_ratings: ClassVar[bool] = False

    items: Literal["artists", "tracks"] = "artists"
    raw_dir: str | None = None
    max_bad_rows: float = 0.01

    @property
    def name(self) -> str:
        """See :class:`~seqrec.data.source.Source`."""
        return f"lastfm-1k-{self.items}"

    def files(self) -> list[Path]:
        """See :class:`~seqrec.data.source.Source`."""
        where = "http://ocelma.net/MusicRecommendationDataset/lastfm-1K.html"
        return [find(must_have(self.raw_dir, name="Last.fm 1K", where=where), [PLAYS])]

    def read(self) -> Interactions:
        """See :class:`~seqrec.data.source.Source`."""
        [plays] = self.files()
        inspect(plays)
        artist, track = (pl.when(pl.col(c) != "").then(pl.col(c)) for c in ("artist", "track"))
        item = artist if self.items == "artists" else artist + " - " + track
        events, rejected = take_events(
            plays,
            FORM.scan(plays).with_columns(item=item),
            user="user",
            item="item",
            timestamp="timestamp",
            time_unit="iso",
            max_bad_rows=self.max_bad_rows,
        )
        return Interactions(events, None, rejected)
