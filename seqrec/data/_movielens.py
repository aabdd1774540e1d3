"""Shared by the MovieLens datasets: their address, terms and item tables."""

from pathlib import Path

import polars as pl

from seqrec.raw.get.archive import fetch_from
from seqrec.raw.get.fetch import RemoteFile
from seqrec.raw.get.local import find, find_optional
from seqrec.raw.parse.text import inspect, open_bytes, reading

URL = "https://files.grouplens.org/datasets/movielens/"
TERMS = (
    "MovieLens data by GroupLens, University of Minnesota: for research, not to be redistributed "
    "or used commercially without permission. Cite Harper and Konstan (2015), "
    "https://doi.org/10.1145/2827872."
)


def movielens_files(
    names: tuple[str, ...],
    *,
    archive: str,
    sha256: str | None,
    raw_dir: str | None,
    fetch_dir: str,
    users: str | None = None,
) -> list[Path]:
    """Return files of a MovieLens archive, from `raw_dir` or fetched into `fetch_dir`.

    `users`, the table of users, comes last; `raw_dir` may lack it.
    """
    if raw_dir is not None:
        table = find_optional(raw_dir, [users] if users else [])
        return [*(find(raw_dir, [name]) for name in names), *([table] if table else [])]
    names += (users,) if users else ()
    file = RemoteFile(f"{archive}.zip", (f"{URL}{archive}.zip",), sha256, TERMS)
    return fetch_from(file, [f"{archive}/{name}" for name in names], Path(fetch_dir) / archive)


def encoding_of(path: Path) -> str:
    """Return the encoding of a file that GroupLens published in Latin-1, and others in UTF-8."""
    inspect(path)
    with reading(path), open_bytes(path) as stream:
        content = stream.read()
    try:
        content.decode()
    except UnicodeDecodeError:
        return "latin-1"
    return "utf-8"


def movies(table: pl.LazyFrame, *, item: str, title: str, genres: str) -> pl.LazyFrame:
    """Build the item table of a movie file: title, year (Int32, from the title), genres (list).

    Args:
        table: its columns as text; genres joined by ``|``.
        item, title, genres: names of its columns.
    """
    listed = pl.when(pl.col(genres) != "(no genres listed)").then(pl.col(genres)).fill_null("")
    clean = pl.col(title).str.strip_chars()
    return table.select(
        pl.col(item).alias("item"),
        clean.alias("title"),
        clean.str.extract(r"\((\d{4})(?:-\d{0,4})?\)[^()]*(?:\([^()]*\))?$")
        .cast(pl.Int32)
        .alias("year"),
        pl.when(listed == "")
        .then(pl.lit([], dtype=pl.List(pl.String)))
        .otherwise(listed.str.split("|"))
        .alias("genres"),
    )
