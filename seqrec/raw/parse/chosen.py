"""Read only those events that have chosen values, such as purchases."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import polars as pl

from seqrec.errors import ConfigError, DataError
from seqrec.raw.parse.formats import MISFIT, Format, Row, text_of
from seqrec.raw.parse.read import texts

ALIKE = {"true": ("true", "True", "TRUE"), "false": ("false", "False", "FALSE")}
WORDS = tuple(word for words in ALIKE.values() for word in words)
LISTED = 8  # values of a column that a message shows


@dataclass(frozen=True)
class Chosen:
    """A format whose well-formed rows are only those with given values.

    Args:
        form: the format.
        where: values by column, as text; None stands for an empty value.
    """

    form: Format
    where: Mapping[str, tuple[str | None, ...]]

    def columns(self, path: Path, *, whole: bool = False) -> list[str]:
        """See :class:`~seqrec.raw.parse.rows.Format`."""
        return self.form.columns(path, whole=whole)

    def nested(self, path: Path) -> set[str]:
        """See :class:`~seqrec.raw.parse.rows.Format`."""
        return self.form.nested(path)

    def doubtful(self, column: pl.Expr, *, one_value: bool) -> pl.Expr:
        """See :class:`~seqrec.raw.parse.rows.Format`."""
        return self.form.doubtful(column, one_value=one_value)

    def scan(self, path: Path, names: Iterable[str] = ()) -> pl.LazyFrame:
        """See :class:`~seqrec.raw.parse.rows.Format`."""
        frame = self.form.scan(path, [*names, *self.where])
        schema = frame.collect_schema()
        found = [_among(text_of(pl.col(n), schema[n]), v) for n, v in self.where.items()]
        return frame.filter(pl.all_horizontal(found) | pl.col(MISFIT))

    def rows(self, path: Path) -> Iterator[Row]:
        """See :class:`~seqrec.raw.parse.rows.Format`; malformed rows stay, to be counted."""
        for row in self.form.rows(path):
            values = {name: _tidy(row.values.get(name)) for name in self.where}
            if row.fault or all(values[name] in wanted for name, wanted in self.where.items()):
                yield row


def wanted(where: Mapping[str, Any]) -> dict[str, tuple[str | None, ...]]:
    """Parse ``{event: [purchase, cart], test: false}`` to texts by column.

    Raises:
        ConfigError: a value is neither plain nor a list of plain ones, or a list is empty.
    """
    parsed: dict[str, tuple[str | None, ...]] = {}
    for column, given in where.items():
        values = given if isinstance(given, list | tuple) else [given]
        if not values or not all(isinstance(v, str | int | float | None) for v in values):
            raise ConfigError(
                f"{column}: {given!r} is no value, and no list of values",
                where="data.where",
                todo="write data.where='{event: [purchase, cart]}'",
            )
        parsed[str(column)] = tuple(text for value in values for text in _texts_of(value))
    return parsed


def left_out(path: Path, form: Format, where: Mapping[str, tuple[str | None, ...]]) -> list[str]:
    """Say how many events the values of `where` leave out, and which of them never occur.

    Raises:
        DataError: a column is missing, or no event has the values.
    """
    present = form.columns(path)
    masks, notes = [], []
    for column, values in where.items():
        if column not in present:
            near = get_close_matches(column, present, n=1, cutoff=0.4)
            raise DataError(
                f"{path.name} has no column {column!r}; it has {', '.join(present)}",
                where="data.where",
                todo=f"name one of its columns{', such as ' + near[0] if near else ''}",
            )
        column_texts = texts(path, form, column)
        tidied = column_texts.to_frame("t").select(_tidied(pl.col("t"))).to_series()
        found = set(tidied.unique())
        masks.append(tidied.to_frame("t").select(_among(pl.col("t"), values)).to_series())
        missing = [value for value in values if value not in found and value not in WORDS]
        if missing or not masks[-1].any():
            counts = tidied.value_counts(sort=True).head(LISTED).iter_rows()
            values_seen = ", ".join(f"{value} ({count:,})" for value, count in counts)
            notes.append(f"no event has {column} {missing or values}; there are {values_seen}")
    kept = pl.select(pl.all_horizontal(masks)).to_series()
    if not kept.any():
        raise DataError(
            f"data.where leaves none of {len(kept):,} events{'; ' if notes else ''}"
            f"{'; '.join(notes)}",
            where=str(path),
            todo="choose values that the file has",
        )
    out = len(kept) - int(kept.sum())
    return [f"data.where left out {out:,} of {len(kept):,} events", *notes]


def _texts_of(value: str | float | None) -> tuple[str | None, ...]:
    """Return the texts that stand for a value; files write true and false in several ways."""
    if isinstance(value, bool):
        return ALIKE[str(value).lower()]
    return (_tidy(None if value is None else str(value)),)


def _tidy(text: str | None) -> str | None:
    tidied = (text or "").strip()
    return (tidied.removesuffix(".0") if tidied[:-2].lstrip("-").isdigit() else tidied) or None


def _tidied(text: pl.Expr) -> pl.Expr:
    tidied = text.str.strip_chars().str.replace(r"^(-?\d+)\.0$", "$1")
    return pl.when(tidied != "").then(tidied)


def _among(text: pl.Expr, values: tuple[str | None, ...]) -> pl.Expr:
    return _tidied(text).is_in(list(values), nulls_equal=True)
