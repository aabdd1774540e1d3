"""Events as Spark's executors hold them: ids and categories as codes."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from seqrec.errors import DataError
from seqrec.raw.ids import tidied
from seqrec.raw.spark.scratch import ROW, Scratch
from seqrec.store.bucket import CONTEXT
from seqrec.store.codes import BLANK, note, stand_ins
from seqrec.store.encode import SCHEMA

BUCKET = 1 << 21  # events of a bucket, about; a user's are never divided
NUMBER = "float"  # the type of context columns of numbers; others are categories


@dataclass(frozen=True)
class Coded:
    """Events with codes in the place of ids, divided into buckets of users.

    Args:
        folder: see :func:`seqrec.store.spark.bucket.divided`.
        numbers: of the buckets that have events.
        buckets: how many there are.
        ids: the ids of users and of items, by code.
        blank: rows that were left out because an id is only white space.
        context: the names of the context columns' codes; None: they are numbers.
        notes: what people should know of the ids.
    """

    folder: Path
    numbers: list[int]
    buckets: int
    ids: dict[str, pl.Series]
    blank: int
    context: dict[str, list[str] | None]
    notes: list[str]


def given(events: pl.LazyFrame, scratch: Scratch) -> DataFrame:
    """Hand the events that a source read to Spark, with their places as the column `ROW`.

    Args:
        events: see :class:`~seqrec.raw.source.Interactions`.
        scratch: takes them as one file.
    """
    fixed: dict[str, Any] = {"timestamp": pl.Int64, "rating": pl.Float32, "_part": pl.Int8}
    types: dict[str, Any] = {}
    for name, dtype in events.collect_schema().items():
        if name in ("user", "item"):
            is_whole = dtype.is_integer() and dtype != pl.UInt64
            types[name] = pl.Int64 if is_whole else pl.String
        else:
            types[name] = fixed.get(name) or (pl.Float32 if dtype.is_numeric() else pl.String)
    columns = [pl.int_range(pl.len(), dtype=pl.Int64).alias(ROW)]
    return scratch.give(events.select(columns + [pl.col(n).cast(t) for n, t in types.items()]))


def coded(events: DataFrame, name: str, scratch: Scratch) -> Coded:
    """Replace ids by codes, equal where the rule of ids makes them equal, and categories by theirs.

    The rule is applied to each id once, on this machine, which holds all different ids.

    Args:
        events: `ROW`, user, item, and what there is of timestamp, rating, ``_part`` and context.
        name: of the source, for messages.
        scratch: for tables on the way.

    Raises:
        DataError: there are no events.
    """
    names = [column for column in events.columns if column not in (*SCHEMA, ROW)]
    table, context, ids, notes, rows = _named(events, names), {}, {}, [], 0
    events = table
    for one in ("user", "item"):
        found = scratch.fetch(_firsts(table, one)).sort("row")
        rows = int(found["events"].sum())
        codes, ids[one], told = _codes(found[one], one)
        events = _replaced(events, one, codes, "inner", scratch)
        notes += told
    if not rows:
        raise DataError(f"{name} has no interactions")
    for at, column in enumerate(names):
        events, context[column] = _context(events, table, f"{CONTEXT}{at}", scratch)
    blank = 0
    if any((series == "").any() for series in ids.values()):
        is_named = (F.col("user") != BLANK) & (F.col("item") != BLANK)
        blank = events.where(~is_named).count()
        events = events.where(is_named)
    if blank == rows:
        raise DataError(f"{name} has no interactions")
    buckets = -(-rows // BUCKET)
    bucket = (F.col("user") % buckets).alias("bucket")
    divided = events.select("*", bucket).repartitionById(buckets, F.col("bucket"))
    folder = scratch.parts(divided, "bucket")
    numbers = sorted(int(path.name.partition("=")[2]) for path in folder.glob("bucket=*"))
    return Coded(folder, numbers, buckets, ids, blank, context, notes)


def _named(events: DataFrame, context: list[str]) -> DataFrame:
    """Name the columns as :class:`~seqrec.store.bucket.Bucket` does."""
    names = {"_part": "part", ROW: "row"}
    names |= {name: f"{CONTEXT}{at}" for at, name in enumerate(context)}
    return events.select(*(F.col(f"`{c}`").alias(names.get(c, c)) for c in events.columns))


def _firsts(table: DataFrame, one: str) -> DataFrame:
    """Return the first row and the number of events of each id."""
    return table.groupBy(one).agg(F.min("row").alias("row"), F.count("*").alias("events"))


def _codes(given: pl.Series, one: str) -> tuple[pl.DataFrame, pl.Series, list[str]]:
    """Return the code of each id, as the columns ``_given`` and ``_code``; ids by code; notes."""
    text = given.cast(pl.String)
    tidy = tidied(text)
    changed = text != tidy
    told = [note(text, tidy, changed, one)] if changed.any() else []
    told += stand_ins(tidy, one)
    texts = tidy.unique(maintain_order=True)
    code = pl.DataFrame({one: texts, "_code": np.arange(len(texts), dtype=np.int32)})
    codes = pl.DataFrame({"_given": given, one: tidy}).join(code, on=one, how="left")
    codes = codes.select("_given", pl.when(pl.col(one) == "").then(BLANK).otherwise("_code"))
    return codes.rename({codes.columns[1]: "_code"}), texts, told


def _context(
    events: DataFrame, table: DataFrame, column: str, scratch: Scratch
) -> tuple[DataFrame, list[str] | None]:
    """Encode categories of `events` as int32 from 1, 0 if unknown; numbers stay as they are.

    What there is comes from `table`, which has the same values and joins nothing.
    """
    if dict(table.dtypes)[column] == NUMBER:
        return events, None
    found = scratch.fetch(table.select(column).distinct())[column].drop_nulls().sort()
    codes = pl.DataFrame({"_given": found, "_code": np.arange(1, len(found) + 1, dtype=np.int32)})
    events = _replaced(events, column, codes, "left", scratch)
    return events.withColumn(column, F.coalesce(column, F.lit(0))), found.to_list()


def _replaced(
    table: DataFrame, column: str, codes: pl.DataFrame, how: str, scratch: Scratch
) -> DataFrame:
    """Replace the values of a column by their codes, given as the columns ``_given``, ``_code``."""
    joined = table.join(scratch.give(codes), F.col(column) == F.col("_given"), how)
    return joined.drop(column, "_given").withColumnRenamed("_code", column)
