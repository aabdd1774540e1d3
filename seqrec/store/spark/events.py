"""Events as Spark's executors hold them: ids and categories as codes."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from seqrec.raw.ids import tidied
from seqrec.raw.spark.scratch import ROW, Scratch
from seqrec.store.codes import BLANK, note
from seqrec.store.encode import SCHEMA
from seqrec.store.spark.steps import Rows

NUMBER = "float"  # the type of context columns of numbers; others are categories


@dataclass(frozen=True)
class Coded:
    """Events with codes in the place of ids.

    Args:
        rows: the events; context columns are ``c0``, ``c1``, ...
        ids: the ids of users and of items, by code.
        blank: rows that were left out because an id is only white space.
        context: the names of the context columns' codes; None: they are numbers.
        notes: what people should know of the ids.
    """

    rows: Rows
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
    fixed: dict[str, Any] = {"user": pl.String, "item": pl.String, "timestamp": pl.Int64}
    fixed |= {"rating": pl.Float32, "_part": pl.Int8}
    types = {
        name: fixed.get(name) or (pl.Float32 if dtype.is_numeric() else pl.String)
        for name, dtype in events.collect_schema().items()
    }
    columns = [pl.int_range(pl.len(), dtype=pl.Int64).alias(ROW)]
    return scratch.give(events.select(columns + [pl.col(n).cast(t) for n, t in types.items()]))


def coded(events: DataFrame, scratch: Scratch) -> Coded:
    """Replace ids by codes, equal where the rule of ids makes them equal, and categories by theirs.

    The rule is applied to each id once, on this machine, which holds all different ids.

    Args:
        events: `ROW`, user, item, and what there is of timestamp, rating, ``_part`` and context.
        scratch: for tables on the way.
    """
    names = [name for name in events.columns if name not in (*SCHEMA, ROW)]
    table, context, ids, notes = _named(events, names), {}, {}, []
    for one in ("user", "item"):
        table, ids[one], told = _coded_ids(table, one, scratch)
        notes += told
    for at, name in enumerate(names):
        table, context[name] = _context(table, f"c{at}", scratch)
    table = scratch.keep(table.withColumn("tie", F.col("row")))
    blank = 0
    if any((series == "").any() for series in ids.values()):
        is_named = (F.col("user") != BLANK) & (F.col("item") != BLANK)
        blank = table.where(~is_named).count()
        table = table.where(is_named)
    return Coded(Rows(table), ids, blank, context, notes)


def _named(events: DataFrame, context: list[str]) -> DataFrame:
    """Name the columns as :class:`Rows` does."""
    names = {"_part": "part", ROW: "row"} | {name: f"c{at}" for at, name in enumerate(context)}
    return events.select(*(F.col(f"`{c}`").alias(names.get(c, c)) for c in events.columns))


def _coded_ids(
    table: DataFrame, one: str, scratch: Scratch
) -> tuple[DataFrame, pl.Series, list[str]]:
    firsts = table.groupBy(one).agg(F.min("row").alias("row"))
    found = scratch.fetch(firsts).sort("row")
    given, told = found[one], []
    tidy = tidied(given)
    changed = given != tidy
    if changed.any():
        told = [note(given, tidy, changed, one)]
    texts = tidy.unique(maintain_order=True)
    code = pl.DataFrame({one: texts, "_code": np.arange(len(texts), dtype=np.int32)})
    codes = pl.DataFrame({"_given": given, one: tidy}).join(code, on=one, how="left")
    codes = codes.select("_given", pl.when(pl.col(one) == "").then(BLANK).otherwise("_code"))
    return _replaced(table, one, codes, "inner", scratch), texts, told


def _context(table: DataFrame, column: str, scratch: Scratch) -> tuple[DataFrame, list[str] | None]:
    """Encode as the other engine does: float32, NaN if unknown, or int32 from 1, 0 if unknown."""
    if dict(table.dtypes)[column] == NUMBER:
        return table.withColumn(column, F.coalesce(column, F.lit(float("nan")).cast("float"))), None
    found = scratch.fetch(table.select(column).distinct())[column].drop_nulls().sort()
    codes = pl.DataFrame({"_given": found, "_code": np.arange(1, len(found) + 1, dtype=np.int32)})
    table = _replaced(table, column, codes, "left", scratch)
    return table.withColumn(column, F.coalesce(column, F.lit(0))), found.to_list()


def _replaced(
    table: DataFrame, column: str, codes: pl.DataFrame, how: str, scratch: Scratch
) -> DataFrame:
    """Replace the values of a column by their codes, given as the columns ``_given`` and _code."""
    codes = codes.rename(dict(zip(codes.columns, ("_given", "_code"), strict=True)))
    joined = table.join(scratch.give(codes), F.col(column) == F.col("_given"), how)
    return joined.drop(column, "_given").withColumnRenamed("_code", column)


def texts_of(keys: pl.DataFrame, ids: pl.Series) -> pl.Series:
    """Return the ids of sequences: of users, or ``user/1``, ``user/2`` and so on of sessions.

    Args:
        keys: columns user and, if these were cut, session.
        ids: the ids of users by code.
    """
    text = ids.gather(keys["user"])
    if "session" not in keys.columns:
        return text
    return text + "/" + keys["session"].cast(pl.String)


def marked(table: DataFrame, on: Iterable[str], known: DataFrame, name: str) -> DataFrame:
    """Add the column `name`: whether the columns `on` are those of a row of `known`."""
    flagged = known.withColumn(name, F.lit(True))
    return table.join(flagged, list(on), "left").withColumn(name, F.coalesce(name, F.lit(False)))
