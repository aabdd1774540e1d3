"""A text format with computed columns."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path

import polars as pl

from seqrec.raw.parse.rows import Format, Row

CHUNK = 1000  # rows that the careful way reads at once


@dataclass(frozen=True)
class Derived:
    """A text format with computed columns added and some rows left out.

    Args:
        form: a format of text.
        made: new columns by name, as expressions of the file's columns; they become text.
        without: which rows to leave out, which aren't malformed; a null keeps a row.
    """

    form: Format
    made: Mapping[str, pl.Expr] = field(default_factory=dict)
    without: pl.Expr | None = None

    def columns(self, path: Path, *, whole: bool = False) -> list[str]:
        """See :class:`~seqrec.raw.parse.rows.Format`."""
        names = self.form.columns(path, whole=whole)
        return [*names, *(name for name in self.made if name not in names)]

    def nested(self, path: Path) -> set[str]:
        """See :class:`~seqrec.raw.parse.rows.Format`."""
        return self.form.nested(path)

    def scan(self, path: Path, names: Iterable[str] = ()) -> pl.LazyFrame:
        """See :class:`~seqrec.raw.parse.rows.Format`."""
        own = [name for name in names if name not in self.made]
        return self._change(self.form.scan(path, own))

    def doubtful(self, column: pl.Expr, *, one_value: bool) -> pl.Expr:
        """See :class:`~seqrec.raw.parse.rows.Format`."""
        return self.form.doubtful(column, one_value=one_value)

    def rows(self, path: Path) -> Iterator[Row]:
        """See :class:`~seqrec.raw.parse.rows.Format`."""
        rows = self.form.rows(path)
        known = self.form.columns(path)
        while chunk := list(islice(rows, CHUNK)):
            names = list(dict.fromkeys([*known, *(name for row in chunk for name in row.values)]))
            values = {name: [row.values.get(name) for row in chunk] for name in names}
            frame = pl.DataFrame(values, schema=dict.fromkeys(names, pl.String))
            numbered = self._change(frame.lazy().with_row_index("_row")).collect()
            for at, *changed in numbered.iter_rows():
                row = chunk[at]
                if row.fault is None:
                    changed_values = dict(zip(numbered.columns[1:], changed, strict=True))
                    row = replace(row, values=changed_values)
                yield row

    def _change(self, frame: pl.LazyFrame) -> pl.LazyFrame:
        if self.without is not None:
            frame = frame.filter(~self.without.fill_null(False))
        return frame.with_columns(**{n: made.cast(pl.String) for n, made in self.made.items()})
