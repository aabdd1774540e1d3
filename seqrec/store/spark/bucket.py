"""Buckets of users, as files that any executor reads."""

import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from uuid import uuid4

import numpy as np
import polars as pl

from seqrec.store.bucket import CONTEXT, columns_of, context_columns, events_of
from seqrec.store.steps import Events


def divided(folder: Path, number: int, buckets: int) -> Events:
    """Return the events of a bucket as Spark divided them: in file order, users numbered anew.

    Args:
        folder: has a folder ``bucket=NUMBER`` of Parquet files for each bucket with events.
        number: of the bucket.
        buckets: how many there are; the users of this one have the codes number, number + buckets
            and so on.
    """
    frame = pl.read_parquet(folder / f"bucket={number}" / "*.parquet", hive_partitioning=False)
    frame = frame.sort("row").with_columns(pl.col(pl.Float32).fill_null(float("nan")))
    columns = {name: frame[name].to_numpy() for name in frame.columns}
    return _events(columns | {"user": columns["user"] // buckets})


def save(folder: Path, events: Events) -> None:
    """Write events as a file for each column."""
    write(folder, columns_of(events))


def load(folder: Path) -> Events:
    """Return the events that :func:`save` wrote."""
    return _events({path.stem: np.load(path) for path in folder.iterdir()})


def write(folder: Path, columns: Mapping[str, np.ndarray]) -> None:
    """Write columns whole or not at all; the second attempt of a task replaces the first."""
    part = folder.with_name(f"{folder.name}.{uuid4().hex}.part")
    part.mkdir(parents=True)
    try:
        for name, values in columns.items():
            np.save(part / f"{name}.npy", values)
        shutil.rmtree(folder, ignore_errors=True)
        part.rename(folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def mapped(folder: Path, names: Iterable[str]) -> dict[str, np.ndarray]:
    """Return those of the named columns that there are, mapped to memory."""
    paths = [folder / f"{name}.npy" for name in names]
    return {path.stem: np.load(path, mmap_mode="r") for path in paths if path.exists()}


def _events(columns: Mapping[str, np.ndarray]) -> Events:
    """Return events whose context columns have no names here."""
    return events_of(columns, context_columns(sum(name.startswith(CONTEXT) for name in columns)))
