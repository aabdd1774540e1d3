"""File formats, each readable in two ways.

``scan`` is the fast way: polars, vectorised, lazy. It may fail or return nulls on a malformed file.
``rows`` is the careful way: one row at a time, with its line number and what is wrong with its
shape. :mod:`seqrec.raw.parse.read` uses it only if the fast way finds a problem.
"""

import csv
import io
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count, islice
from pathlib import Path
from typing import Any, Protocol

import polars as pl

from seqrec.raw.parse.text import open_text, reading

MISFIT = "_misfit"  # column of a scan: True where a row may have the wrong shape
WRONG_COUNT = "wrong column count"
REPEATED = "repeated header"  # as in concatenated files
BROKEN_JSON = "broken JSON"
BOM = "\ufeff"  # byte order mark at the start of some files
KEY_LINES = 100  # JSON lines inspected to find the columns
SLICE = 100_000  # rows read at once from a file that is read in parts


@dataclass(frozen=True)
class Row:
    """One row of a file: its line, its text, and its values or what is wrong with it."""

    line: int
    text: str
    values: dict[str, str | None]
    fault: str | None = None


class Format(Protocol):
    """A way to read bytes as named columns of text."""

    def columns(self, path: Path) -> list[str]:
        """Return the names of the file's columns."""
        ...

    def nested(self, path: Path) -> set[str]:
        """Return the names of the columns that hold lists or objects."""
        ...

    def scan(self, path: Path) -> pl.LazyFrame:
        """Scan all columns plus `MISFIT`: with their types in a Parquet file, else as String."""
        ...

    def rows(self, path: Path) -> Iterator[Row]:
        """Yield rows in file order, without blank lines."""
        ...


@dataclass(frozen=True)
class Delimited:
    """Columns separated by a character or a string.

    Args:
        separator: any string, such as ``,`` or ``::``.
        names: the columns' names for a file without a header line; None: the first line has them.
        encoding: of the text.
        quoted: whether ``"`` quotes fields (only with one-character separators).
    """

    separator: str
    names: tuple[str, ...] | None = None
    encoding: str = "utf-8"
    quoted: bool = True

    def columns(self, path: Path) -> list[str]:
        """See :class:`Format`."""
        if self.names is not None:
            return list(self.names)
        _, fields = next(self._records(path), (0, []))
        return [name.strip() for name in fields]

    def nested(self, path: Path) -> set[str]:
        """See :class:`Format`; none, all columns are text."""
        return set()

    def scan(self, path: Path) -> pl.LazyFrame:
        """See :class:`Format`."""
        names = self.columns(path)
        source = path if _is_utf8(self.encoding) else _transcoded(path, self.encoding)
        if len(self.separator) > 1:
            frame = pl.scan_lines(source).slice(self.names is None)
            text = pl.col("line").str.strip_prefix(BOM).str.strip_chars_end("\r")
            fields = text.str.split(self.separator)
            columns = [fields.list.get(i, null_on_oob=True).alias(n) for i, n in enumerate(names)]
            misfit = (fields.list.len() != len(names)) | self._repeats(fields.list.first(), names)
            return frame.select(*columns, misfit.alias(MISFIT))
        frame = pl.scan_csv(
            source,
            has_header=self.names is None,
            new_columns=names,
            separator=self.separator,
            quote_char='"' if self.quoted else None,
            infer_schema=False,
        )
        if len(frame.collect_schema()) != len(names):
            raise pl.exceptions.ShapeError(f"the first row of {path.name} has another width")
        # A short row leaves its last column empty; polars notices a long one only if it reads all
        # columns, so `empty` asks for all of them, which doesn't change its value.
        empty = pl.any_horizontal(pl.col(names).is_null()) & pl.col(names[-1]).is_null()
        return frame.with_columns((empty | self._repeats(pl.col(names[0]), names)).alias(MISFIT))

    def _repeats(self, first: pl.Expr, names: list[str]) -> pl.Expr:
        """Return whether a row may repeat the header, judged by its first field."""
        return pl.lit(False) if self.names is not None else first.eq_missing(pl.lit(names[0]))

    def rows(self, path: Path) -> Iterator[Row]:
        """See :class:`Format`."""
        names = self.columns(path)
        records = self._records(path)
        head = next(records)[1] if self.names is None else None
        for line, fields in records:
            text = self.separator.join(fields)
            if fields == head:
                yield Row(line, text, {}, REPEATED)
            elif len(fields) == len(names):
                yield Row(line, text, dict(zip(names, (f or None for f in fields), strict=True)))
            else:
                yield Row(line, text, {}, WRONG_COUNT)

    def _records(self, path: Path) -> Iterator[tuple[int, list[str]]]:
        encoding = "utf-8-sig" if _is_utf8(self.encoding) else self.encoding
        with open_text(path, encoding) as stream, reading(path):
            if len(self.separator) > 1:
                for line, text in enumerate(stream, start=1):
                    if text.strip():
                        yield line, text.rstrip("\r\n").split(self.separator)
                return
            quoting: Any = csv.QUOTE_MINIMAL if self.quoted else csv.QUOTE_NONE
            reader = csv.reader(stream, delimiter=self.separator, quoting=quoting)
            for fields in reader:
                if fields:
                    yield reader.line_num, fields


@dataclass(frozen=True)
class JsonLines:
    """One JSON object a line."""

    def columns(self, path: Path) -> list[str]:
        """See :class:`Format`; the keys of the first lines."""
        return list(dict.fromkeys(key for row in self._head(path) for key in row))

    def nested(self, path: Path) -> set[str]:
        """See :class:`Format`; decided by the majority of the first lines."""
        present, nested = Counter[str](), Counter[str]()
        for row in self._head(path):
            present.update(key for key, value in row.items() if value is not None)
            nested.update(key for key, value in row.items() if isinstance(value, dict | list))
        return {key for key, number in nested.items() if number * 2 > present[key]}

    def scan(self, path: Path) -> pl.LazyFrame:
        """See :class:`Format`."""
        schema = dict.fromkeys(self.columns(path), pl.String)
        return pl.scan_ndjson(path, schema=schema).with_columns(pl.lit(False).alias(MISFIT))

    def rows(self, path: Path) -> Iterator[Row]:
        """See :class:`Format`."""
        for line, text, record in self._records(path):
            if record is None:
                yield Row(line, text, {}, BROKEN_JSON)
            else:
                yield Row(line, text, {key: _as_text(value) for key, value in record.items()})

    def _head(self, path: Path) -> list[dict[str, Any]]:
        return [record or {} for _, _, record in islice(self._records(path), KEY_LINES)]

    def _records(self, path: Path) -> Iterator[tuple[int, str, dict[str, Any] | None]]:
        """Yield line number, text and object of each line; None if it holds no object."""
        with open_text(path) as stream, reading(path):
            for line, text in enumerate(stream, start=1):
                if not text.strip():
                    continue
                try:
                    record = json.loads(text, parse_constant=lambda name: None)  # NaN, Infinity
                except ValueError:
                    record = None
                yield line, text.strip(), record if isinstance(record, dict) else None


@dataclass(frozen=True)
class Parquet:
    """A Parquet file."""

    def columns(self, path: Path) -> list[str]:
        """See :class:`Format`."""
        return pl.scan_parquet(path).collect_schema().names()

    def nested(self, path: Path) -> set[str]:
        """See :class:`Format`."""
        schema = pl.scan_parquet(path).collect_schema()
        return {name for name, dtype in schema.items() if dtype.is_nested()}

    def scan(self, path: Path) -> pl.LazyFrame:
        """See :class:`Format`."""
        return pl.scan_parquet(path).with_columns(pl.lit(False).alias(MISFIT))

    def rows(self, path: Path) -> Iterator[Row]:
        """See :class:`Format`; lines count rows from 1."""
        frame = as_text(pl.scan_parquet(path))
        for start in count(0, SLICE):
            with reading(path):
                rows = frame.slice(start, SLICE).collect()
            line = start
            for line, values in enumerate(rows.iter_rows(named=True), start=start + 1):
                yield Row(line, json.dumps(values, ensure_ascii=False), values)
            if line < start + SLICE:
                return


def innermost(form: Format) -> Format:
    """Return the format of the files themselves, whatever changes what is read of them."""
    while hasattr(form, "form"):
        form = form.form
    return form


def as_text(frame: pl.LazyFrame) -> pl.LazyFrame:
    """Select all columns as String, see :func:`text_of`, except those of lists or objects."""
    schema = frame.collect_schema().items()
    return frame.select(text_of(pl.col(n), dtype) for n, dtype in schema if not dtype.is_nested())


def text_of(column: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """Format dates and times as ISO text, everything else as plain text."""
    return column.dt.to_string("iso") if dtype.is_temporal() else column.cast(pl.String)


def _is_utf8(encoding: str) -> bool:
    return encoding.lower().replace("-", "") == "utf8"


def _transcoded(path: Path, encoding: str) -> io.BytesIO:
    with reading(path), open_text(path, encoding) as stream:
        return io.BytesIO(stream.read().encode())


def _as_text(value: object) -> str | None:
    """Return a plain value as text, None for a list or an object."""
    if value is None or isinstance(value, str):
        return value
    return None if isinstance(value, dict | list) else json.dumps(value)
