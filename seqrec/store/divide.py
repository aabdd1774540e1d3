"""Interactions, block by block, into buckets on disk: all events of a user in one."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from seqrec.config.schema import Prepare
from seqrec.errors import DataError
from seqrec.raw.parse.keep import rows_of
from seqrec.store.bucket import Bucket, columns_of
from seqrec.store.codes import Coder
from seqrec.store.encode import SCHEMA, context_codes, named, names_in
from seqrec.store.steps import Events, row_type
from seqrec.terminal.progress import advancing
from seqrec.terminal.say import console


@dataclass(frozen=True)
class Divided:
    """Events in buckets.

    Args:
        buckets: in each, users are numbered on their own: code // number of buckets.
        user, item: the codes, and the ids that they stand for.
        categories: names of the codes of each context column; None: it has numbers.
        blank: how many rows were left out, for an id of nothing but white space.
        rows: how many rows are numbered: all others, without those that ``min_rating`` drops.
    """

    buckets: list[Bucket]
    user: Coder
    item: Coder
    categories: dict[str, list[str] | None]
    blank: int
    rows: int


def divided(
    events: pl.LazyFrame, settings: Prepare, name: str, folder: Path, at_once: int, block: int
) -> Divided:
    """Code events and write each into the bucket of its user.

    Args:
        events: see :class:`~seqrec.raw.source.Interactions`.
        settings: the steps.
        name: of the source, for messages.
        folder: of the buckets.
        at_once: events of a bucket, on average.
        block: rows that are in memory while they are coded.

    Raises:
        DataError: there are no events.
    """
    rows = rows_of(events)
    if not rows:
        raise DataError(f"{name} has no interactions")
    columns = events.collect_schema().names()
    categories = {c: names_in(events, c) for c in columns if c not in SCHEMA}
    user, item = (Coder(events.select(column), column) for column in ("user", "item"))
    buckets = [
        Bucket(folder / f"bucket_{at}", {}, tuple(categories)) for at in range(-(-rows // at_once))
    ]
    blank = numbered = 0
    with advancing("reading events", rows, console) as done:
        for frame in events.collect_batches(chunk_size=block, maintain_order=True):
            if frame.is_empty():
                continue
            coded = _coded(frame, user(frame["user"]), item(frame["item"]), categories)
            coded, dropped = named(coded)
            counts = _rated(coded, settings)
            row = numbered + np.cumsum(counts) - counts
            _divide(coded, row.astype(row_type(rows)), buckets)
            blank, numbered = blank + dropped, numbered + int(counts.sum())
            done(len(frame))
    return Divided(buckets, user, item, categories, blank, numbered)


def _coded(
    frame: pl.DataFrame,
    user: np.ndarray,
    item: np.ndarray,
    categories: dict[str, list[str] | None],
) -> Events:
    """Return a block of rows as events, which have no row numbers yet."""

    def values(column: str) -> np.ndarray | None:
        return frame[column].to_numpy() if column in frame.columns else None

    context = {c: context_codes(frame[c], names) for c, names in categories.items()}
    row = np.zeros(len(user), dtype=np.int8)
    timestamp, rating, part = (values(column) for column in ("timestamp", "rating", "_part"))
    return Events(user, item, row, timestamp, rating, part, context=context)


def _rated(events: Events, settings: Prepare) -> np.ndarray:
    """Return which events are numbered: ``ties=shuffle`` orders those that ``min_rating`` keeps."""
    if settings.min_rating is None or events.rating is None:
        return np.ones(len(events), dtype=bool)
    return events.rating >= settings.min_rating


def _divide(events: Events, row: np.ndarray, buckets: list[Bucket]) -> None:
    """Append events to the buckets of their users, in the order that they have."""
    which = events.user % len(buckets)
    order = np.argsort(which.astype(np.min_scalar_type(len(buckets))), kind="stable")
    columns = columns_of(events) | {"row": row, "user": events.user // len(buckets)}
    columns = {name: values[order] for name, values in columns.items()}
    end = np.cumsum(np.bincount(which, minlength=len(buckets)))
    for bucket, first, last in zip(buckets, [0, *end[:-1]], end, strict=True):
        if first < last:
            bucket.append({name: values[first:last] for name, values in columns.items()})
