"""Text whose columns are separated by a character or a string."""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import polars as pl

from seqrec.errors import ConfigError, DataError
from seqrec.raw.parse.first_lines import first_lines, lines_before_rows
from seqrec.raw.parse.quotes import QUOTE, Quoting, Record, row_pattern, without_end
from seqrec.raw.parse.rows import MISFIT, REPEATED, WRONG_COUNT, Row
from seqrec.raw.parse.text import BOM, has_quotes, lines_of, reading, source_of


@dataclass(frozen=True)
class Delimited:
    """Columns separated by a character or a string.

    Blank lines, ``sep=;`` and comments before the first row are read over, and so is a separator at
    the end of all rows, or of the header.

    Args:
        separator: any string, such as ``,`` or ``::``.
        names: the columns' names for a file without a header line; None: the first line has them.
        encoding: of the text.
        quoted: whether ``"`` quotes cells (only with one-character separators), see
            :mod:`seqrec.raw.parse.quotes`.
        trusted: whether a quoted cell may contain lines that read like rows.
    """

    separator: str
    names: tuple[str, ...] | None = None
    encoding: str = "utf-8"
    quoted: bool = True
    trusted: bool = False

    def __post_init__(self) -> None:
        if not self.separator or set(self.separator) & {QUOTE, "\n", "\r"}:
            raise ConfigError(
                f"{self.separator!r} can't separate columns",
                where="data.separator",
                todo="set data.separator=auto, or to the character between the columns",
            )

    def columns(self, path: Path, *, whole: bool = False) -> list[str]:
        """See :class:`~seqrec.raw.parse.rows.Format`."""
        names = self._header(path)
        return names[:-1] if len(names) > 1 and not names[-1] else names

    def nested(self, path: Path) -> set[str]:
        """See :class:`~seqrec.raw.parse.rows.Format`; none, all columns are text."""
        return set()

    def doubtful(self, column: pl.Expr, *, one_value: bool) -> pl.Expr:
        """See :class:`~seqrec.raw.parse.rows.Format`; none is."""
        return pl.lit(False)

    def scan(self, path: Path, names: Iterable[str] = ()) -> pl.LazyFrame:
        """See :class:`~seqrec.raw.parse.rows.Format`."""
        header, names = self._header(path), self.columns(path)
        source, skip = source_of(path, self.encoding), self._skip(path)
        if not self._is_simple:
            frame = pl.scan_lines(source).slice(skip + (self.names is None))
            text = pl.col("line").str.strip_suffix("\r")
            fields = text.str.split(self.separator)
            columns = [fields.list.get(i, null_on_oob=True).alias(n) for i, n in enumerate(names)]
            misfit = (fields.list.len() != len(names)) | self._begins(fields.list.first(), names)
            return frame.select(*columns, misfit.alias(MISFIT))
        quoted = self.quoted and has_quotes(path)
        frame = pl.scan_csv(
            source,
            has_header=self.names is None,
            new_columns=header,
            skip_lines=skip,
            separator=self.separator,
            quote_char=QUOTE if quoted else None,
            infer_schema=False,
        )
        if len(frame.collect_schema()) != len(header):
            raise pl.exceptions.ShapeError(f"the first row of {path.name} has another width")
        if quoted and not self._quoting(path).is_clean(pl.scan_lines(source).slice(skip)):
            return frame.select(names).with_columns(pl.lit(True).alias(MISFIT))
        # A short row leaves its last column empty; polars notices a long one only if it reads all
        # columns, so `empty` asks for all of them, which doesn't change its value.
        empty = pl.any_horizontal(pl.col(header).is_null()) & pl.col(names[-1]).is_null()
        misfit = (empty | self._begins(pl.col(names[0]), names)).alias(MISFIT)
        return frame.select(*names, misfit)

    def rows(self, path: Path) -> Iterator[Row]:
        """See :class:`~seqrec.raw.parse.rows.Format`."""
        names = self.columns(path)
        records = self._records(path)
        head = next(records).cells if self.names is None else None
        for record in records:
            cells = record.cells
            if len(cells) == len(names) + 1 and not cells[-1]:
                cells = cells[:-1]  # a separator at the end
            if record.cells == head:
                yield Row(record.line, record.text, {}, REPEATED)
            elif len(cells) == len(names):
                values = dict(zip(names, (cell or None for cell in cells), strict=True))
                yield Row(record.line, record.text, values)
            else:  # what a stray quote joined counts as what it was
                for line, text in enumerate(record.text.split("\n"), start=record.line):
                    yield Row(line, text, {}, WRONG_COUNT)

    @cached_property
    def _is_simple(self) -> bool:
        """Whether polars can split the cells."""
        return len(self.separator.encode()) == 1

    def _begins(self, first: pl.Expr, names: list[str]) -> pl.Expr:
        """Return whether a row may begin a file that was appended, judged by its first cell."""
        begins = first.str.starts_with(BOM).fill_null(False)
        if self.names is not None:
            return begins
        return begins | first.str.strip_chars().eq_missing(pl.lit(names[0]))

    def _header(self, path: Path) -> list[str]:
        if self.names is not None:
            return list(self.names)
        first = next(self._records(path, trusted=True), Record(0, "", []))
        return [name.strip() for name in first.cells]

    def _skip(self, path: Path) -> int:
        return lines_before_rows(first_lines(path, self.encoding), self.separator)

    def _quoting(self, path: Path) -> Quoting:
        if self.trusted:
            return Quoting(self.separator, None)
        width, rows = len(self.columns(path)), []
        lines = [f"{line}\n" for line in first_lines(path, self.encoding)]
        with suppress(DataError):  # a quote that is open in the last of these lines
            for record in Quoting(self.separator, None).records(path, lines, self._skip(path)):
                rows += [record.cells] if len(record.cells) == width else []
        rows = rows[self.names is None :]
        return Quoting(self.separator, row_pattern(self.separator, rows, width))

    def _records(self, path: Path, *, trusted: bool = False) -> Iterator[Record]:
        skip = self._skip(path)
        with reading(path, self.encoding), lines_of(path, self.encoding) as lines:
            if self._is_simple and self.quoted:
                quoting = Quoting(self.separator, None) if trusted else self._quoting(path)
                yield from quoting.records(path, lines, skip)
                return
            for number, line in enumerate(lines, start=1):
                text = without_end(line).removeprefix(BOM)
                if number > skip and (text.strip() or self.separator in text):
                    yield Record(number, text, text.split(self.separator))
