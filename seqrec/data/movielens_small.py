"""MovieLens latest small: 610 users, 9,724 movies, 100,836 ratings of 1996 to 2018."""

from dataclasses import dataclass
from pathlib import Path

from seqrec.data._movielens import movielens_files, movies
from seqrec.raw.parse.formats import Delimited
from seqrec.raw.parse.read import read_events
from seqrec.raw.parse.table import read_table
from seqrec.raw.source import Interactions


@dataclass(frozen=True, kw_only=True)
class MovieLensSmall:
    """The files ``ratings.csv`` and ``movies.csv``.

    GroupLens may replace this set by a newer one: the hash of the first download is recorded and
    later uses are compared with it.

    Args:
        raw_dir: folder that has them, gzipped or not; None: fetch them.
        fetch_dir: where fetched files are kept.
        max_bad_rows: largest share of malformed rows that is dropped.
    """

    raw_dir: str | None = None
    fetch_dir: str = "raw"
    max_bad_rows: float = 0.01

    name = "movielens-small"

    def files(self) -> list[Path]:
        """See :class:`~seqrec.raw.source.Source`."""
        return movielens_files(
            ("ratings.csv", "movies.csv"),
            archive="ml-latest-small",
            sha256=None,
            raw_dir=self.raw_dir,
            fetch_dir=self.fetch_dir,
        )

    def read(self) -> Interactions:
        """See :class:`~seqrec.raw.source.Source`."""
        ratings, titles = self.files()
        events, rejected = read_events(
            ratings,
            Delimited(","),
            user="userId",
            item="movieId",
            timestamp="timestamp",
            rating="rating",
            time_unit="s",
            max_bad_rows=self.max_bad_rows,
        )
        columns = {"movie": "movieId", "title": "title", "genres": "genres"}
        table = read_table(
            titles, Delimited(","), columns, one="movie", max_bad_rows=self.max_bad_rows
        )
        items = movies(table.lazy(), item="movieId", title="title", genres="genres")
        return Interactions(events, items, rejected)
