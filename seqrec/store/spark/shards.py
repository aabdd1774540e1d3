"""Shards of users, written by Spark's executors into one folder."""

from functools import partial
from pathlib import Path

import numpy as np
import polars as pl

from seqrec.raw.spark.scratch import Scratch
from seqrec.store.index import Entry
from seqrec.store.shards import write_shard
from seqrec.store.spark.steps import Rows

SHARD = 1 << 22  # events in a shard, about; a user's are never divided


def placed(
    rows: Rows,
    sequences: pl.DataFrame,
    numbers: pl.DataFrame,
    context: dict[str, list[str] | None],
    scratch: Scratch,
) -> Path:
    """Sort the events into a folder of Parquet files, one for each shard, ``shard=0`` and so on.

    Args:
        rows: the events.
        sequences: the columns of a sequence, index, events and shard, by index.
        numbers: item (code) and number.
        context: the context columns.
        scratch: where they are.
    """
    columns = ["timestamp", "rating", "part", *(f"c{at}" for at in range(len(context)))]
    columns = [name for name in columns if name in rows.table.columns]
    table = rows.table.join(scratch.give(sequences.drop("events")), rows.sequence)
    table = table.join(scratch.give(numbers), "item")
    n_shards = int(sequences["shard"][-1]) + 1
    order = ["shard", "index", *rows.order]
    ordered = table.repartition(n_shards, "shard").sortWithinPartitions(*order)
    return scratch.parts(ordered.select("shard", "number", *columns), "shard")


def written(
    scratch: Scratch,
    files: Path,
    sequences: pl.DataFrame,
    context: dict[str, list[str] | None],
    folder: Path,
) -> list[Entry]:
    """Let each executor write the shards that it is given, and return their entries.

    Args:
        scratch: where the sizes of the sequences go.
        files: what :func:`placed` returned.
        sequences: the columns shard and events, by index.
        context: the context columns and the names of their codes.
        folder: of the store.
    """
    sizes = scratch.folder / "sizes.parquet"
    sequences.select("shard", "events").write_parquet(sizes)
    first = sequences.group_by("shard").agg(pl.col("index").first()).sort("shard")
    jobs = list(first.iter_rows())
    write = partial(_write, files=files, sizes=sizes, context=context, folder=folder)
    return scratch.session.sparkContext.parallelize(jobs, len(jobs)).map(write).collect()


def _write(
    job: tuple[int, int],
    files: Path,
    sizes: Path,
    context: dict[str, list[str] | None],
    folder: Path,
) -> Entry:
    """Write one shard, given its number and its first user; runs on an executor."""
    number, first = job
    rows = pl.read_parquet(files / f"shard={number}" / "*.parquet", hive_partitioning=False)
    events = pl.scan_parquet(sizes).filter(pl.col("shard") == number).select("events").collect()
    offset = np.concatenate([[0], np.cumsum(events.to_series().to_numpy())])
    arrays: dict[str, np.ndarray | None] = {"offset": offset, "item": rows["number"].to_numpy()}
    for name in ("timestamp", "rating", "part"):
        arrays[name] = _values(rows, name) if name in rows.columns else None
    columns = {
        name: (_values(rows, f"c{at}"), names) for at, (name, names) in enumerate(context.items())
    }
    return write_shard(folder, number, first_user=first, arrays=arrays, context=columns)


def _values(rows: pl.DataFrame, name: str) -> np.ndarray:
    values = rows[name]
    return (values.fill_null(float("nan")) if values.dtype.is_float() else values).to_numpy()
