"""MovieLens 1M: 6,040 users, 3,706 movies, 1,000,209 ratings of 2000 to 2003."""

from dataclasses import dataclass
from pathlib import Path

import polars as pl

from seqrec.data._movielens import encoding_of, movielens_files, movies
from seqrec.raw.parse.formats import Delimited
from seqrec.raw.parse.read import read_events
from seqrec.raw.parse.table import read_table
from seqrec.raw.source import Interactions

SHA256 = "a6898adb50b9ca05aa231689da44c217cb524e7ebd39d264c56e2832f2c54e20"
AGES = {"1": "under 18", "18": "18-24", "25": "25-34", "35": "35-44", "45": "45-49",
        "50": "50-55", "56": "56+"}  # fmt: skip
OCCUPATIONS = (  # by number, as in the archive's README
    "other", "academic/educator", "artist", "clerical/admin", "college/grad student",
    "customer service", "doctor/health care", "executive/managerial", "farmer", "homemaker",
    "K-12 student", "lawyer", "programmer", "retired", "sales/marketing", "scientist",
    "self-employed", "technician/engineer", "tradesman/craftsman", "unemployed", "writer",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class MovieLens1M:
    """The files ``ratings.dat``, ``movies.dat`` and ``users.dat``, separated by ``::``.

    Users have gender, age (a range) and occupation.

    Args:
        raw_dir: folder that has them, gzipped or not; ``users.dat`` may be missing. None: fetch
            them.
        fetch_dir: where fetched files are kept.
        max_bad_rows: largest share of malformed rows that is dropped.
    """

    raw_dir: str | None = None
    fetch_dir: str = "raw"
    max_bad_rows: float = 0.01

    name = "movielens-1m"

    def files(self) -> list[Path]:
        """See :class:`~seqrec.raw.source.Source`."""
        return movielens_files(
            ("ratings.dat", "movies.dat"),
            archive="ml-1m",
            sha256=SHA256,
            raw_dir=self.raw_dir,
            fetch_dir=self.fetch_dir,
            users="users.dat",
        )

    def read(self) -> Interactions:
        """See :class:`~seqrec.raw.source.Source`."""
        ratings, titles, *tables = self.files()
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
        form = Delimited("::", ("item", "title", "genres"), encoding=encoding_of(titles))
        columns = {"movie": "item"}
        table = read_table(titles, form, columns, one="movie", max_bad_rows=self.max_bad_rows)
        items = movies(table.lazy(), item="item", title="title", genres="genres")
        users = _users(tables[0], self.max_bad_rows) if tables else None
        return Interactions(events, items, rejected, users)


def _users(path: Path, max_bad_rows: float) -> pl.LazyFrame:
    form = Delimited("::", ("user", "gender", "age", "occupation", "zip_code"))
    table = read_table(path, form, {"user": "user"}, one="user", max_bad_rows=max_bad_rows)
    jobs = {str(number): name for number, name in enumerate(OCCUPATIONS)}
    return table.lazy().select(
        "user",
        "gender",
        pl.col("age").replace_strict(AGES, default=None),
        pl.col("occupation").replace_strict(jobs, default=None),
    )
