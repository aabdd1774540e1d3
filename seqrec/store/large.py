"""Encode interactions that don't fit into memory: on disk, in buckets of users.

All events of a user are in one bucket, so a bucket is enough for every step but the one that needs
counts of items. What is in memory besides one bucket: the ids, a few numbers for each id and each
sequence, and a bit for each event.
"""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from seqrec.config.schema import Prepare, Ties
from seqrec.raw.parse.keep import keeping_in
from seqrec.raw.source import Interactions
from seqrec.store.bucket import Bucket
from seqrec.store.divide import divided
from seqrec.store.encode import described_ids, numbers, report_of
from seqrec.store.needs import check_columns
from seqrec.store.placed import FIRSTS, Firsts, firsts, order_of, placed
from seqrec.store.steps import drawn_place, steps
from seqrec.store.sweeps import InTurn
from seqrec.terminal.progress import advancing
from seqrec.terminal.say import console

BLOCK = 1 << 20  # rows that are coded at once


@contextmanager
def encoded_on_disk(
    read: Callable[[], Interactions],
    settings: Prepare,
    name: str,
    folder: Path,
    at_once: int,
    block: int = BLOCK,
) -> Iterator[dict[str, Any]]:
    """Encode like :func:`seqrec.store.encode.encode`, with the events in files of a folder.

    Args:
        read: reads the source; what it keeps lies in the folder, too.
        settings: the steps.
        name: of the source.
        folder: of the files: made here, and removed at the end of the context.
        at_once: events of a bucket, on average; those of one user are never divided.
        block: rows of the source that are coded at once.

    Yields:
        What :func:`seqrec.store.encode.encode` returns, with arrays that are read from the folder
        as they are written.

    Raises:
        DataError: see :func:`seqrec.store.encode.encode`.
    """
    folder.mkdir(parents=True)
    try:
        with keeping_in(folder):
            yield _encoded(read(), settings, name, folder, at_once, block)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _encoded(
    interactions: Interactions,
    settings: Prepare,
    name: str,
    folder: Path,
    at_once: int,
    block: int,
) -> dict[str, Any]:
    events = divided(interactions.events, settings, name, folder, at_once, block)
    found = interactions.events.collect_schema().names()
    timed, rated = "timestamp" in found, "rating" in found
    check_columns(settings, timed=timed, rated=rated, name=name)
    sweeps = InTurn(settings, name, interactions.known, events)
    sweeps.go(steps(settings, _drawn(settings, events.rows)))
    order = order_of(_firsts(events.buckets))
    number, by_first = numbers(order.first_item)
    number, tables, told = described_ids(
        interactions,
        events.user.text(order.owner),
        order.session,
        events.item.text(by_first),
        number,
        name,
    )
    notes = [*interactions.notes, *events.user.note(), *events.item.note(), *sweeps.notes, *told]
    return {
        **placed(events.buckets, order, number, events.categories, folder, at_once),
        **tables,
        "report": report_of(interactions, sweeps.report, events.blank, notes),
    }


def _firsts(buckets: list[Bucket]) -> Iterator[Firsts]:
    with advancing("numbering", len(buckets), console) as done:
        for number, bucket in enumerate(buckets):
            names = [name for name in FIRSTS if name in ("row", "user", "item", *bucket.types)]
            yield firsts({name: bucket.read(name) for name in names}, number, len(buckets))
            done(1)


def _drawn(settings: Prepare, rows: int) -> np.ndarray | None:
    """Return the place of each row in the order of ``ties=shuffle``; None: none is drawn."""
    return drawn_place(rows) if settings.ties is Ties.shuffle else None
