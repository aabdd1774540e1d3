"""What all formats share: rows, what is wrong with them, and the two ways to read a file.

``scan`` is the fast way: polars, vectorised, lazy. It may fail or return nulls on a malformed file.
``rows`` is the careful way: one row at a time, with its line number and what is wrong with its
shape. :mod:`seqrec.raw.parse.read` uses it only if the fast way finds a problem. Wherever the fast
way finds none, the two give the same text.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import polars as pl

MISFIT = "_misfit"  # column of a scan: True where a row may have the wrong shape
WRONG_COUNT = "wrong column count"
REPEATED = "repeated header"  # as in concatenated files
BROKEN_JSON = "broken JSON"


@dataclass(frozen=True)
class Row:
    """One row of a file.

    Args:
        line: its first line, counted from 1.
        text: how it is written.
        values: its values as text, by column.
        fault: what is wrong with its shape.
        nested: the columns whose text is that of a list or an object.
    """

    line: int
    text: str
    values: dict[str, str | None]
    fault: str | None = None
    nested: frozenset[str] = frozenset()


class Format(Protocol):
    """A way to read bytes as named columns of text."""

    def columns(self, path: Path, *, whole: bool = False) -> list[str]:
        """Return the names of the file's columns.

        Args:
            path: the file.
            whole: whether to look beyond the first rows, if rows may have columns of their own.
        """
        ...

    def nested(self, path: Path) -> set[str]:
        """Return the names of the columns that hold lists or objects."""
        ...

    def scan(self, path: Path, names: Iterable[str] = ()) -> pl.LazyFrame:
        """Scan all columns plus `MISFIT`: with their types in a Parquet file, else as String.

        Args:
            path: the file.
            names: columns to scan even if the first rows lack them.
        """
        ...

    def doubtful(self, column: pl.Expr, *, one_value: bool) -> pl.Expr:
        """Return whether the careful way may read another text in a scanned column.

        Args:
            column: of a scan, as String.
            one_value: whether a list or an object is no value of this column.
        """
        ...

    def rows(self, path: Path) -> Iterator[Row]:
        """Yield rows in file order, without blank lines."""
        ...
