"""Open text files, gzipped or not, and report what is wrong with those that aren't text."""

import csv
import gzip
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import polars as pl

from seqrec.errors import DataError
from seqrec.raw.get.local import must_exist

GZIP_MAGIC = b"\x1f\x8b"
HEAD = 4096
DAMAGED = (EOFError, OSError, zlib.error, pl.exceptions.PolarsError)  # raised by damaged files


def open_text(path: Path, encoding: str = "utf-8-sig") -> IO[str]:
    """Open a text file, gzipped or not (recognised by its content, not its name)."""
    with path.open("rb") as stream:
        zipped = stream.read(2) == GZIP_MAGIC
    opener = gzip.open if zipped else io.open
    return opener(path, "rt", encoding=encoding, newline="")  # type: ignore[operator]


def inspect(path: Path) -> None:
    """Check the beginning of a text file.

    Raises:
        DataError: the file doesn't exist, is empty or binary, or is a damaged gzip file.
    """
    must_exist(path)
    try:
        with path.open("rb") as stream:
            head = stream.read(HEAD)
        if head[:2] == GZIP_MAGIC:
            with gzip.open(path, "rb") as stream:
                head = stream.read(HEAD)
    except DAMAGED as error:
        raise _cut_off(path, error) from error
    if not head.strip():
        raise DataError(f"{path.name} is empty", where=str(path))
    if b"\0" in head:
        raise DataError(
            f"{path.name} is not text",
            where=str(path),
            todo="use a CSV, TSV or JSON-lines file, gzipped or not, or a .parquet file; convert "
            "UTF-16 to UTF-8",
        )


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Turn the errors of reading `path` into a :class:`DataError`."""
    try:
        yield
    except UnicodeDecodeError as error:
        raise DataError(
            f"{path.name} is not {error.encoding} text (byte 0x{error.object[error.start]:02x})",
            where=str(path),
            todo="convert it to UTF-8, or name its encoding (data=files: data.encoding=latin-1)",
        ) from error
    except DAMAGED as error:
        raise _cut_off(path, error) from error
    except csv.Error as error:
        raise DataError(
            f"{path.name} has a quote that is never closed: {error}",
            where=str(path),
            todo="correct the quoting in the file",
        ) from error


def _cut_off(path: Path, error: BaseException) -> DataError:
    return DataError(
        f"{path.name} is cut off or damaged: {error}",
        where=str(path),
        todo="fetch or copy the file again",
    )
