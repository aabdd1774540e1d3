"""Columns of Spark as texts, numbers and times, null where the other engine finds none."""

from collections.abc import Mapping
from dataclasses import dataclass

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from seqrec.errors import DataError
from seqrec.raw.parse.clock import NUMBERS, Clock, limits
from seqrec.raw.parse.context import Context
from seqrec.raw.parse.formats import REPEATED, WRONG_COUNT

WHOLE = ("tinyint", "smallint", "int", "bigint")
REAL = ("float", "double")
MOMENTS = ("date", "timestamp", "timestamp_ntz")
NUMBER = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$"
SPACE = r"(?U)^\s+|\s+$"


@dataclass(frozen=True)
class Plain:
    """How files of events are written that Spark reads by itself.

    Args:
        columns: names by role: user, item and, if there are some, timestamp and rating.
        context: context columns by name.
        unit: of times: ``s``, ``ms``, ``us`` or ``ns``; of columns of a type for times also
            ``auto`` and ``iso``.
        separator: of delimited text; ``auto``: what the name of the file says.
        quoted: whether ``"`` quotes cells.
        max_bad_rows: largest share of malformed rows that is dropped.
    """

    columns: Mapping[str, str]
    context: Mapping[str, Context]
    unit: str
    separator: str
    quoted: bool
    max_bad_rows: float


def typed(frame: DataFrame, plain: Plain, url: str) -> dict[str, Column]:
    """Return the columns of events by role and by name of their context; null where unusable.

    Raises:
        DataError: a column holds values that only the other engine reads.
    """
    types = dict(frame.dtypes)
    made = {}
    for role, name in plain.columns.items():
        if role == "timestamp":
            made[role] = _time(name, types[name], plain.unit, url)
        elif role == "rating":
            made[role] = _number(name, types[name], url).cast("float")
        else:
            made[role] = _text(name, types[name], url)
    for name, seen in plain.context.items():
        own = seen.column
        if seen.kind == "number":
            made[name] = _number(own, types[own], url).cast("float")
        else:
            text = _text(own, types[own], url)
            made[name] = F.when(_stripped(text) != "", text)
    return made


def _text(name: str, kind: str, url: str) -> Column:
    if kind not in ("string", *WHOLE):
        raise _other(name, kind, url, "texts or whole numbers are read")
    text = column_of(name).cast("string")
    return F.when(text != "", text)


def _number(name: str, kind: str, url: str) -> Column:
    """Return numbers, or null where there is none that is finite."""
    if kind not in ("string", *WHOLE, *REAL):
        raise _other(name, kind, url, "numbers are read")
    value = column_of(name)
    if kind == "string":
        text = _stripped(value)
        value = F.when(text.rlike(NUMBER), text)
    single = value.cast("float")
    is_finite = (F.abs(single) < F.lit(float("inf"))) & ~F.isnan(single)
    return F.when(is_finite, value)


def _time(name: str, kind: str, unit: str, url: str) -> Column:
    """Return milliseconds since 1970 UTC, or null beyond the year 9999."""
    clock = Clock("ms" if kind in MOMENTS else unit)
    if kind in MOMENTS and unit in ("auto", "iso"):
        value = F.floor(F.unix_micros(column_of(name).cast("timestamp")) / 1000).cast("double")
    elif clock.unit in NUMBERS:
        value = _number(name, kind, url).cast("double")
    else:
        raise DataError(
            f"Spark doesn't find out how the times of column {name} are written",
            where=url,
            todo="set data.time_unit=s, ms, us or ns, or write them as Parquet's timestamps",
        )
    low, high = limits(clock)
    factor, zero = NUMBERS[clock.unit]
    ms = F.rint(value * F.lit(factor)).cast("bigint") + F.lit(zero)
    return F.when((value > low) & (value < high), ms)


def doubt(frame: DataFrame, plain: Plain, texts: str | None) -> Column:
    """Return whether a row has a cell that the other engine may read in another way."""
    if texts is None or (texts == WRONG_COUNT and not plain.quoted):
        return F.lit(False)
    pattern = '"' if texts == WRONG_COUNT else r"^[\[{]"
    names = [*plain.columns.values(), *(seen.column for seen in plain.context.values())]
    found = [F.coalesce(column_of(name).rlike(pattern), F.lit(False)) for name in names]
    return F.greatest(*found, F.lit(False))


def is_header(plain: Plain) -> Column:
    """Return what is wrong with a row that repeats the header."""
    user, item = plain.columns["user"], plain.columns["item"]
    return F.when((column_of(user) == user) & (column_of(item) == item), REPEATED)


def column_of(name: str) -> Column:
    """Return a column, whatever characters its name has."""
    return F.col(f"`{name}`")


def _stripped(text: Column) -> Column:
    return F.regexp_replace(text, SPACE, "")


def _other(name: str, kind: str, url: str, read: str) -> DataError:
    return DataError(
        f"column {name} holds values of the type {kind}, where Spark reads it {read}",
        where=url,
        todo="write it in one of these types, or read the files with prepare.engine=polars",
    )
