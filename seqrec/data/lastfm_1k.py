"""Last.fm 1K: everything that 992 listeners played until May 2009, to the second."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import polars as pl

from seqrec.data._options import one_of
from seqrec.raw.get.local import find, must_have
from seqrec.raw.parse.derived import Derived
from seqrec.raw.parse.formats import Delimited
from seqrec.raw.parse.read import read_events
from seqrec.raw.parse.text import DAMAGED
from seqrec.raw.source import Interactions

PLAYS = "userid-timestamp-artid-artname-traid-traname.tsv"
COLUMNS = ("userid", "timestamp", "artid", "artname", "traid", "traname")
UNITS = ("artists", "tracks")


@dataclass(frozen=True, kw_only=True)
class Lastfm1K:
    """The file ``userid-timestamp-artid-artname-traid-traname.tsv``, without a header.

    Its columns are separated by tabs: user, ISO time, MusicBrainz id and name of the artist,
    MusicBrainz id and name of the track. A missing id is replaced by the name; a track's name
    follows its artist's.

    Args:
        items: ``artists`` or ``tracks``.
        raw_dir: folder with the file, gzipped or not.
        max_bad_rows: largest share of malformed rows that is dropped.

    Raises:
        ConfigError: `items` is neither.
    """

    has_ratings: ClassVar[bool] = False

    items: str = "artists"
    raw_dir: str | None = None
    max_bad_rows: float = 0.01

    def __post_init__(self) -> None:
        one_of("items", self.items, UNITS)

    @property
    def name(self) -> str:
        """See :class:`~seqrec.raw.source.Source`."""
        return f"lastfm-1k-{self.items}"

    def files(self) -> list[Path]:
        """See :class:`~seqrec.raw.source.Source`."""
        where = "http://ocelma.net/MusicRecommendationDataset/lastfm-1K.html"
        return [find(must_have(self.raw_dir, name="Last.fm 1K", where=where), [PLAYS], where)]

    def read(self) -> Interactions:
        """See :class:`~seqrec.raw.source.Source`."""
        [plays] = self.files()
        form = Delimited("\t", COLUMNS, quoted=False)
        item, title = _named(self.items)
        events, rejected = read_events(
            plays,
            Derived(form, {"item": item}),
            user="userid",
            item="item",
            timestamp="timestamp",
            time_unit="iso",
            max_bad_rows=self.max_bad_rows,
        )
        titles = _titles(plays, Derived(form, {"item": item, "title": title}))
        return Interactions(events, titles, rejected)


def _titles(plays: Path, form: Derived) -> pl.LazyFrame:
    """Return the first title of each item; malformed rows, which are counted, have none."""
    try:
        scan = form.scan(plays).select("item", "title").drop_nulls("item")
        return scan.unique("item", keep="first", maintain_order=True).collect().lazy()
    except DAMAGED:
        good = (row.values for row in form.rows(plays) if row.fault is None and row.values["item"])
        titles = {row["item"]: row["title"] for row in good}
        return pl.LazyFrame({"item": list(titles), "title": list(titles.values())})


def _named(items: str) -> tuple[pl.Expr, pl.Expr]:
    """Return id and title of a play's artist or track."""
    artist, track = _filled("artname"), _filled("traname")
    both = pl.concat_str(artist, track, separator=" - ")
    if items == "artists":
        return pl.coalesce(_filled("artid"), artist), artist
    return pl.coalesce(_filled("traid"), both), both


def _filled(name: str) -> pl.Expr:
    text = pl.col(name).str.strip_chars()
    return pl.when(text != "").then(text)
