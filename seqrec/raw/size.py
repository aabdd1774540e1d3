"""How large files of events are, about, before they are read."""

import gzip
from pathlib import Path

import polars as pl

PARQUET = (".parquet", ".pq")
SAMPLE = 1 << 16  # bytes whose lines tell the length of the others
PACKED = 4  # bytes of text to one of a compressed file


def rows_in(files: list[Path]) -> int:
    """Estimate the rows of files: those of Parquet by their metadata, of others by their bytes.

    Rows of text are as long as the first ones are. A file that can't be read has none.
    """
    return sum(_rows(file) for file in files)


def text_in(files: list[Path]) -> int:
    """Estimate the bytes of text in files, those of Parquet left out."""
    return sum(_size(file) for file in files if file.suffix.lower() not in PARQUET)


def _rows(file: Path) -> int:
    try:
        if file.suffix.lower() in PARQUET:
            return int(pl.scan_parquet(file).select(pl.len()).collect().item())
        with gzip.open(file) if _is_packed(file) else file.open("rb") as stream:
            head = stream.read(SAMPLE)
        return _size(file) * head.count(b"\n") // max(1, len(head))
    except (OSError, EOFError, pl.exceptions.PolarsError):
        return 0


def _size(file: Path) -> int:
    return file.stat().st_size * (PACKED if _is_packed(file) else 1)


def _is_packed(file: Path) -> bool:
    return file.suffix.lower() == ".gz"
