"""A store made on Spark: all events there, the tables of users and items here."""

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from seqrec.config.schema import Prepare, Ties
from seqrec.raw.source import Interactions
from seqrec.raw.spark.scratch import Scratch
from seqrec.store.encode import described_ids, numbers, report_of
from seqrec.store.needs import check_columns
from seqrec.store.placed import FIRSTS, Firsts, firsts, order_of
from seqrec.store.prepared import steps_of
from seqrec.store.shards import close
from seqrec.store.spark.bucket import mapped
from seqrec.store.spark.events import Coded, coded, given
from seqrec.store.spark.shards import written
from seqrec.store.spark.sweeps import Ids, Place, Spread
from seqrec.store.steps import drawn_place, row_type, steps


def build(
    interactions: Interactions, settings: Prepare, name: str, folder: Path, scratch: Scratch
) -> None:
    """Write what :func:`seqrec.store.encode.encode` would return, as a store in shards.

    Args:
        interactions: what the source read; its events are a DataFrame of Spark with the column
            `ROW`, or a LazyFrame, which is handed to Spark.
        settings: the steps.
        name: of the source.
        folder: of the store, empty; the executors write into it.
        scratch: for tables on the way, seen by all machines.

    Raises:
        DataError: a step leaves no interactions, or needs a column that the data lacks.
    """
    events: Any = interactions.events
    if isinstance(events, pl.LazyFrame):
        events = given(events, scratch)
    timed, rated = (column in events.columns for column in ("timestamp", "rating"))
    check_columns(settings, timed=timed, rated=rated, name=name)
    data = coded(events, name, scratch)
    ids = None if interactions.known is None else _shared(data, scratch)
    known, n_items = interactions.known, len(data.ids["item"])
    sweeps = Spread(
        settings, name, known, scratch, data.folder, data.numbers, data.buckets, n_items, ids
    )
    sweeps.go(steps(settings, _drawn(data, settings, scratch)))
    assert sweeps.source is not None
    first = partial(_firsts, source=sweeps.source, buckets=data.buckets)
    order = order_of(scratch.each(first, data.numbers))
    number, by_first = numbers(order.first_item)
    users, items = data.ids["user"].gather(order.owner), data.ids["item"].gather(by_first)
    index, tables, told = described_ids(interactions, users, order.session, items, number, name)
    for one, table in tables.items():
        table.write_parquet(folder / f"{one}.parquet")
    shards = written(
        sweeps.source, data.numbers, order, index, data.context, folder, settings.shards, scratch
    )
    notes = [*interactions.notes, *data.notes, *sweeps.notes, *told]
    report = report_of(interactions, sweeps.report, data.blank, notes)
    report["prepare"] = steps_of(settings)
    close(folder, name=name, shards=shards, context=data.context, report=report)


def _shared(data: Coded, scratch: Scratch) -> Ids:
    """Write the ids where all executors read them."""
    ids = Ids(*(scratch.new().with_suffix(".parquet") for _ in data.ids))
    for one, path in (("user", ids.user), ("item", ids.item)):
        data.ids[one].to_frame().write_parquet(path)
    return ids


def _drawn(data: Coded, settings: Prepare, scratch: Scratch) -> Place | None:
    """Draw the order of ``ties=shuffle``, of all rows that ``min_rating`` keeps."""
    if settings.ties is not Ties.shuffle:
        return None
    rows = pl.scan_parquet(data.folder / "*" / "*.parquet", hive_partitioning=False)
    if settings.min_rating is not None:
        rating = pl.col("rating")
        enough = rating >= pl.lit(settings.min_rating, pl.Float32)
        rows = rows.filter(enough & rating.is_not_nan())
    row = rows.select(pl.col("row").sort()).collect().to_series().to_numpy()
    place = np.zeros(int(row.max(initial=-1)) + 1, dtype=row_type(len(row)))
    place[row] = drawn_place(len(row))
    file = scratch.new().with_suffix(".npy")
    np.save(file, place)
    return Place(file)


def _firsts(number: int, source: Path, buckets: int) -> Firsts:
    return firsts(mapped(source / str(number), FIRSTS), number, buckets)
