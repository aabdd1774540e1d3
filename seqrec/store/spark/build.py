"""A store made on Spark: all steps there, the tables of users and items here."""

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from pyspark.sql import functions as F

from seqrec.config.schema import Prepare
from seqrec.errors import DataError
from seqrec.raw.source import Interactions, Known
from seqrec.raw.spark.scratch import Scratch
from seqrec.store.describe import described
from seqrec.store.encode import MISSING, nothing_left, repeats_note
from seqrec.store.known import none_kept, numbered_after
from seqrec.store.needs import check_columns
from seqrec.store.prepared import steps_of
from seqrec.store.shards import close, cuts
from seqrec.store.spark.events import Coded, coded, given, marked, texts_of
from seqrec.store.spark.shards import SHARD, placed, written
from seqrec.store.spark.steps import Rows, repeated, steps


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
    data = coded(events, scratch)
    notes = [*interactions.notes, *data.notes]
    rows, counted = _stepped(data.rows, settings, name, scratch, notes)
    if interactions.known is not None:
        rows = _kept(rows, data, interactions.known, scratch)
        if not rows.counts()["interactions"]:
            raise none_kept(name)
    sequences, users = _users(rows, data, settings.shards, scratch)
    users, of_users = described(users, interactions.users, "user", name)
    numbers, items = _items(rows, data, interactions.known, scratch)
    if interactions.items is None:
        items = items.with_columns(pl.lit(None, pl.String).alias("title"))
    items, of_items = described(items, interactions.items, "item", name)
    users.write_parquet(folder / "users.parquet")
    items.write_parquet(folder / "items.parquet")
    table = placed(rows, sequences, numbers, data.context, scratch)
    shards = written(scratch, table, sequences, data.context, folder)
    rejected = Counter(interactions.rejected) + Counter({MISSING: data.blank})
    told = [*notes, *of_items, *of_users]
    report = {
        "rejected": dict(rejected),
        "steps": counted,
        "notes": told,
        "prepare": steps_of(settings),
    }
    close(folder, name=name, shards=shards, context=data.context, report=report)


def _stepped(
    rows: Rows, settings: Prepare, name: str, scratch: Scratch, notes: list[str]
) -> tuple[Rows, list[dict[str, Any]]]:
    """Apply the steps; each reads what the one before it kept."""
    counts = rows.counts()
    report: list[dict[str, Any]] = [{"step": "raw", **counts}]
    if not counts["interactions"]:
        raise DataError(f"{name} has no interactions")
    for step, apply in steps(settings, scratch):
        before, had, rows = rows, counts, apply(rows)
        if step is None:
            notes += repeats_note(repeated(rows), counts["interactions"], settings)
            continue
        rows = rows.having(scratch.keep(rows.table))
        counts = rows.counts()
        report.append({"step": step, **counts})
        if not counts["interactions"]:
            raise nothing_left(had, before.most(), step, settings, name)
    return rows, report


def _kept(rows: Rows, data: Coded, known: Known, scratch: Scratch) -> Rows:
    """Keep what :func:`seqrec.store.known.kept` keeps."""
    keys = scratch.fetch(rows.table.select(*rows.sequence).distinct())
    users = keys.filter(texts_of(keys, data.ids["user"]).is_in(known.users.drop_nulls().implode()))
    code = pl.DataFrame({"item": np.arange(len(data.ids["item"]), dtype=np.int32)})
    items = code.filter(data.ids["item"].is_in(known.items.implode()))
    table = marked(rows.table, rows.sequence, scratch.give(users), "_user")
    table = marked(table, ["item"], scratch.give(items), "_item")
    kept = (F.col("timestamp") >= known.since) | (F.col("_user") & F.col("_item"))
    return rows.having(scratch.keep(table.where(kept).drop("_user", "_item")))


def _users(
    rows: Rows, data: Coded, shards: int | None, scratch: Scratch
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Number sequences by their first row, and divide them into shards of similar size.

    Args:
        rows: the events that are kept.
        data: has the ids of users.
        shards: how many; None: one for every `SHARD` events.
        scratch: for tables on the way.

    Returns:
        The columns of a sequence, index, events and shard; and the table of users.
    """
    firsts = rows.table.groupBy(*rows.sequence).agg(
        F.min("row").alias("_first"), F.count("*").alias("events")
    )
    sequences = scratch.fetch(firsts).sort("_first").drop("_first")
    index = pl.Series("index", np.arange(len(sequences), dtype=np.int32))
    offset = np.concatenate([[0], np.cumsum(sequences["events"].to_numpy())])
    number = -(-int(offset[-1]) // SHARD) if shards is None else shards
    firsts_of_shards = cuts(offset, min(number, len(sequences)))
    shard = np.searchsorted(firsts_of_shards, index.to_numpy(), side="right") - 1
    sequences = sequences.with_columns(index, pl.Series("shard", shard.astype(np.int32)))
    return sequences, pl.DataFrame([index, texts_of(sequences, data.ids["user"]).alias("user")])


def _items(
    rows: Rows, data: Coded, known: Known | None, scratch: Scratch
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Number items by their first row, after those that are known.

    Returns:
        The columns item (code) and number, from 1; and the table of items.
    """
    firsts = rows.table.groupBy("item").agg(F.min("row").alias("_first"))
    code = scratch.fetch(firsts).sort("_first")["item"]
    place = np.arange(len(code), dtype=np.int32)
    items = pl.DataFrame(
        {"index": place + 1, "item": data.ids["item"].gather(code)},
    )
    if known is not None:
        place, items = numbered_after(known.items, items)
    return pl.DataFrame({"item": code, "number": place + 1}), items
