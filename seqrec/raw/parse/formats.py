"""File formats by name: delimited text, JSON and Parquet, each readable in two ways.

See :mod:`seqrec.raw.parse.rows` for the two.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path

import polars as pl

from seqrec.raw.parse.delimited import Delimited
from seqrec.raw.parse.first_lines import find_separator, first_lines
from seqrec.raw.parse.json_lines import JsonLines
from seqrec.raw.parse.rows import BROKEN_JSON, MISFIT, REPEATED, WRONG_COUNT, Format, Row
from seqrec.raw.parse.text import BOM, inspect, reading

QUOTES = ("auto", "double", "none")
SLICE = 100_000  # rows read at once from a file that is read in parts
__all__ = [
    "BOM",
    "BROKEN_JSON",
    "BY_SUFFIX",
    "MISFIT",
    "QUOTES",
    "REPEATED",
    "SLICE",
    "WRONG_COUNT",
    "Delimited",
    "Format",
    "JsonLines",
    "Parquet",
    "Row",
    "as_text",
    "format_of",
    "named",
    "text_of",
]


@dataclass(frozen=True)
class Parquet:
    """A Parquet file."""

    def columns(self, path: Path, *, whole: bool = False) -> list[str]:
        """See :class:`~seqrec.raw.parse.rows.Format`."""
        return pl.scan_parquet(path).collect_schema().names()

    def nested(self, path: Path) -> set[str]:
        """See :class:`~seqrec.raw.parse.rows.Format`."""
        schema = pl.scan_parquet(path).collect_schema()
        return {name for name, dtype in schema.items() if dtype.is_nested()}

    def scan(self, path: Path, names: Iterable[str] = ()) -> pl.LazyFrame:
        """See :class:`~seqrec.raw.parse.rows.Format`."""
        return pl.scan_parquet(path).with_columns(pl.lit(False).alias(MISFIT))

    def doubtful(self, column: pl.Expr, *, one_value: bool) -> pl.Expr:
        """See :class:`~seqrec.raw.parse.rows.Format`; none is."""
        return pl.lit(False)

    def rows(self, path: Path) -> Iterator[Row]:
        """See :class:`~seqrec.raw.parse.rows.Format`; lines count rows from 1."""
        frame = as_text(pl.scan_parquet(path))
        for start in count(0, SLICE):
            with reading(path):
                rows = frame.slice(start, SLICE).collect()
            line = start
            for line, values in enumerate(rows.iter_rows(named=True), start=start + 1):
                yield Row(line, json.dumps(values, ensure_ascii=False), values)
            if line < start + SLICE:
                return


BY_SUFFIX: dict[str, Format] = {
    ".jsonl": JsonLines(),
    ".json": JsonLines(),
    ".ndjson": JsonLines(),
    ".parquet": Parquet(),
    ".pq": Parquet(),
}  # everything else is delimited text


def named(name: str) -> Format | None:
    """Return the format that a file's name says, gzipped or not; None: delimited text."""
    return BY_SUFFIX.get(Path(name.removesuffix(".gz")).suffix.lower())


def format_of(
    path: Path,
    *,
    separator: str = "auto",
    quote: str = "auto",
    header: bool = True,
    encoding: str = "utf-8",
) -> Format:
    r"""Return the format of a file, by its name or, of text, by how it begins.

    Args:
        path: the file.
        separator: of delimited text; ``auto`` finds it; ``\t`` may be written as two characters.
        quote: one of :data:`QUOTES`; ``none``: a quote is text, ``double``: it is trusted.
        header: whether the first line names the columns; if not, they are called 1, 2, 3, ...
        encoding: of text.

    Raises:
        DataError: the file can't be read, is empty or isn't text.
    """
    form = named(path.name)
    if form is None:
        inspect(path, encoding)
        form = JsonLines() if JsonLines(encoding).fits(path) else None
    if form is not None:
        return replace(form, encoding=encoding) if isinstance(form, JsonLines) else form
    if separator == "auto":
        separator = find_separator(path, first_lines(path, encoding))
    text = Delimited(
        separator.replace("\\t", "\t"),
        encoding=encoding,
        quoted=quote != "none",
        trusted=quote == "double",
    )
    if header:
        return text
    return replace(text, names=tuple(str(at + 1) for at in range(len(text.columns(path)))))


def innermost(form: Format) -> Format:
    """Return the format of the files themselves, whatever changes what is read of them."""
    while hasattr(form, "form"):
        form = form.form
    return form


def as_text(frame: pl.LazyFrame) -> pl.LazyFrame:
    """Select all columns as String, see :func:`text_of`."""
    schema = frame.collect_schema().items()
    return frame.select(text_of(pl.col(name), dtype).alias(name) for name, dtype in schema)


def text_of(column: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """Format dates and times as ISO text, lists and objects as JSON, the rest as plain text.

    A float that is NaN or infinite is missing, as it is in JSON.
    """
    if dtype.is_nested():
        inner = pl.struct(x=column).struct.json_encode()
        json_text = inner.str.strip_prefix('{"x":').str.head(-1)
        return pl.when(column.is_not_null()).then(json_text)
    if dtype.is_float():
        column = pl.when(column.is_finite()).then(column)
    return column.dt.to_string("iso") if dtype.is_temporal() else column.cast(pl.String)
