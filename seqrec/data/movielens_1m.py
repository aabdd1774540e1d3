"""MovieLens 1M: 6,040 users, 3,706 movies, 1,000,209 ratings of 2000 to 2003."""

from dataclasses import dataclass
from pathlib import Path

from seqrec.data.movielens import movielens_files, movies
from seqrec.data.source import Interactions
from seqrec.raw.formats import MISFIT, Delimited
from seqrec.raw.read import read_events

SHA256 = "a6898adb50b9ca05aa231689da44c217cb524e7ebd39d264c56e2832f2c54e20"


@dataclass(frozen=True, kw_only=True)
class MovieLens1M:
    """The files ``ratings.dat`` and ``movies.dat``, both separated by ``::``.

    Args:
        raw_dir: folder that has them, gzipped or not; None: fetch them.
        fetch_dir: where fetched files are kept.
        max_bad_rows: largest share of malformed rows that is dropped.
    """

    raw_dir: str | None = None
    fetch_dir: str = "raw"
    max_bad_rows: float = 0.01

    name = "movielens-1m"

    def files(self) -> list[Path]:
        """See :class:`~seqrec.data.source.Source`."""
        return movielens_files(
            ("ratings.dat", "movies.dat"),
            archive="ml-1m",
            sha256=SHA256,
            raw_dir=self.raw_dir,
            fetch_dir=self.fetch_dir,
        )

    def read(self) -> Interactions:
        """See :class:`~seqrec.data.source.Source`."""
        ratings, titles = self.files()
        events, rejected = read_events(
            ratings,
            Delimited("::", ("user", "item", "rating", "timestamp")),
            user="user",
            item="item",
            timestamp="timestamp",
            rating="rating",
            time_unit="s",
            max_bad_rows=self.max_bad_rows,
        )
        table = Delimited("::", ("item", "title", "genres"), encoding="latin-1").scan(titles)
        items = movies(table.drop(MISFIT), item="item", title="title", genres="genres")
        return Interactions(events, items, rejected)
