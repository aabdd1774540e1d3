"""The steps of a preparation on Spark: those of :mod:`seqrec.store.steps`, on DataFrames."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial, reduce
from typing import Any

import numpy as np
import polars as pl
from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from seqrec.clock import instant
from seqrec.config.schema import Prepare, Repeats, Ties
from seqrec.raw.spark.scratch import Scratch
from seqrec.store.steps import Minima, minima


@dataclass(frozen=True)
class Rows:
    """Events on Spark: columns user, item (int, codes), row and tie (bigint), and what there is of
    timestamp (bigint), rating (float), part (tinyint), session (int, from 1) and the context.

    `row` is the place in the file, and `tie` the place among a user's events of one time.
    """

    table: DataFrame

    @property
    def sequence(self) -> list[str]:
        """The columns that tell sequences apart: a user's, or the sessions of one."""
        return ["user", "session"] if "session" in self.table.columns else ["user"]

    @property
    def order(self) -> list[str]:
        """The columns that a sequence is sorted by."""
        return [each for each in ("part", "timestamp", "tie") if each in self.table.columns]

    def having(self, table: DataFrame) -> "Rows":
        """Return these events with another table."""
        return replace(self, table=table)

    def counts(self) -> dict[str, int]:
        """Count distinct sequences and items, and events."""
        counts = self.table.agg(
            F.count_distinct(*self.sequence).alias("users"),
            F.count_distinct("item").alias("items"),
            F.count("*").alias("interactions"),
        )
        return counts.collect()[0].asDict()

    def most(self) -> tuple[int, int]:
        """Return the largest numbers of events of a sequence and of an item."""
        largest = (
            self.table.groupBy(*of).count().agg(F.max("count")).collect()[0][0]
            for of in (self.sequence, ["item"])
        )
        return next(largest) or 0, next(largest) or 0


Step = tuple[str | None, Callable[[Rows], Rows]]


def steps(settings: Prepare, scratch: Scratch) -> Iterator[Step]:
    """Yield the steps that `settings` turns on, named as :func:`seqrec.store.steps.steps` does.

    Args:
        settings: the steps, which :func:`seqrec.store.needs.check_columns` allowed.
        scratch: for tables on the way.
    """
    if settings.min_rating is not None:
        yield "min_rating", partial(_min_rating, minimum=settings.min_rating)
    yield None, partial(_tied, ties=settings.ties, scratch=scratch)
    if settings.repeats is not Repeats.keep:
        yield "repeats", REPEAT_STEPS[settings.repeats]
    if settings.session_gap is not None:
        yield "session_gap", partial(_sessions, minutes=settings.session_gap)
    least = minima(settings)
    if least:
        keys = list(dict.fromkeys(key for key, _ in least.values()))
        cut = instant(settings.k_core_before, where="prepare.k_core_before")
        yield " and ".join(keys), partial(_enough, least=least, cut=cut, scratch=scratch)
    if settings.max_history is not None:
        yield "max_history", partial(_latest, limit=settings.max_history)


def repeated(rows: Rows) -> int:
    """Count the events that repeat another of the same user, item and time."""
    if "timestamp" not in rows.table.columns:
        return 0
    alike = rows.table.groupBy("user", "item", "timestamp").count()
    return alike.agg(F.sum(F.col("count") - 1)).collect()[0][0] or 0


def _min_rating(rows: Rows, minimum: float) -> Rows:
    rating = F.col("rating")
    enough = (rating >= F.lit(minimum).cast("float")) & ~F.isnan(rating)
    return rows.having(rows.table.where(enough))


def _tied(rows: Rows, ties: Ties, scratch: Scratch) -> Rows:
    """Shuffle the places of events of one time as the other engine does, if that is asked for."""
    if ties is not Ties.shuffle:
        return rows
    row = scratch.fetch(rows.table.select("row"))["row"].sort()
    tie = np.empty(len(row), dtype=np.int64)
    tie[np.random.default_rng(0).permutation(len(row))] = np.arange(len(row))
    places = scratch.give(pl.DataFrame({"row": row, "tie": tie}))
    return rows.having(rows.table.drop("tie").join(places, "row"))


def _first(rows: Rows) -> Rows:
    """Keep the first event of each user with each item."""
    return _numbered(rows, ["user", "item"], rows.order, limit=1)


def _last(rows: Rows) -> Rows:
    """Keep the last event of each user with each item."""
    return _numbered(rows, ["user", "item"], _backwards(rows), limit=1)


def _consecutive(rows: Rows) -> Rows:
    """Keep the first of each user's consecutive events with the same item."""
    before = F.lag("item").over(Window.partitionBy("user").orderBy(*rows.order))
    marked = rows.table.withColumn("_new", before.isNull() | (before != F.col("item")))
    return rows.having(marked.where("_new").drop("_new"))


REPEAT_STEPS: dict[Repeats, Callable[[Rows], Rows]] = {
    Repeats.first: _first,
    Repeats.last: _last,
    Repeats.consecutive: _consecutive,
}


def _latest(rows: Rows, limit: int) -> Rows:
    """Keep the last `limit` events of each sequence."""
    return _numbered(rows, rows.sequence, _backwards(rows), limit=limit)


def _backwards(rows: Rows) -> list[Column]:
    return [F.col(each).desc() for each in rows.order]


def _numbered(rows: Rows, of: list[str], order: Any, limit: int) -> Rows:
    number = F.row_number().over(Window.partitionBy(*of).orderBy(*order))
    chosen = rows.table.withColumn("_number", number).where(F.col("_number") <= limit)
    return rows.having(chosen.drop("_number"))


def _sessions(rows: Rows, minutes: float) -> Rows:
    """Cut each user's events at pauses of more than `minutes`."""
    of_user = Window.partitionBy("user").orderBy(*rows.order)
    pause = F.col("timestamp") - F.lag("timestamp").over(of_user)
    begins = F.coalesce(pause > F.lit(float(minutes * 60_000)), F.lit(False)).cast("int")
    marked = rows.table.withColumn("_begins", begins)
    session = (F.sum("_begins").over(of_user) + 1).cast("int")
    return rows.having(marked.withColumn("session", session).drop("_begins"))


def _enough(rows: Rows, least: Minima, cut: int | None, scratch: Scratch) -> Rows:
    """Drop users, items and sessions with too few events until there are none.

    See the other engine's ``_enough`` for what counts. What is left of the events that count is
    all those of some sequences and items, so these two decide which events are kept.
    """
    counts = F.lit(True)
    if cut is not None:
        counts &= F.col("timestamp") < cut
    if "part" in rows.table.columns:
        counts &= F.col("part") == 0
    pairs = rows.table.where(counts).select(*rows.sequence, "item")
    core = _core(scratch.keep(pairs), rows.sequence, least, scratch)
    table = rows.table
    if "part" not in table.columns:
        return rows.having(_of(table, core, rows.sequence))
    training = _of(table.where(counts), core, rows.sequence)
    return rows.having(training.unionByName(table.where("part != 0")))


def _of(table: DataFrame, core: DataFrame, sequence: list[str]) -> DataFrame:
    """Return the events whose sequence and item both occur in `core`."""
    own = [sequence, ["item"]]
    return reduce(lambda left, on: left.join(core.select(*on).distinct(), on, "semi"), own, table)


def _core(pairs: DataFrame, sequence: list[str], least: Minima, scratch: Scratch) -> DataFrame:
    """Drop those with too few events, round by round. The order of the rounds changes nothing."""
    columns = {"user": ["user"], "item": ["item"], "session": sequence}
    size, before = pairs.count(), -1
    while size != before:
        left = pairs
        for who, (_, number) in least.items():
            few = left.groupBy(*columns[who]).count().where(F.col("count") < number)
            left = left.join(few.drop("count"), columns[who], "anti")
        pairs = scratch.keep(left, before=pairs)
        size, before = pairs.count(), size
    return pairs
