"""The columns of events by role, with their types, and what is wrong with a row of them."""

from collections.abc import Iterable, Mapping

import polars as pl

from seqrec.raw.parse import clock
from seqrec.raw.parse.clock import Clock
from seqrec.raw.parse.context import Context, number_of
from seqrec.raw.parse.formats import text_of

REASONS = {
    "user": "missing id",
    "item": "missing id",
    "timestamp": "unparsable time",
    "rating": "NaN or unparsable rating",
}


def typed(
    frame: pl.LazyFrame, columns: Mapping[str, str], context: Mapping[str, Context], times: Clock
) -> pl.LazyFrame:
    """Add the columns by role with their types; null where a value is unusable."""
    schema = frame.collect_schema()
    made = {name: seen.typed(schema[seen.column]) for name, seen in context.items()}
    for role, name in columns.items():
        column, dtype = pl.col(name), schema[name]
        text = text_of(column, dtype)
        if role == "timestamp":
            made[role] = clock.parsed(column, dtype, times)
        elif role == "rating":
            made[role] = number_of(text)
        else:
            usable = column.is_finite() if dtype.is_float() else text != ""
            made[role] = column if dtype.is_integer() else pl.when(usable).then(text)
    return frame.with_columns(**made)


def fault_of(columns: Iterable[str]) -> pl.Expr:
    """Return what is wrong with a row of typed columns, or null."""
    return pl.coalesce(
        pl.when(pl.col(role).is_null()).then(pl.lit(REASONS[role])) for role in columns
    )


def is_bad(columns: Iterable[str]) -> pl.Expr:
    """Return whether a row of typed columns lacks one of them."""
    return pl.any_horizontal(pl.col(*columns).is_null())
