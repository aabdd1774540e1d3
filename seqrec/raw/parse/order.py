"""The order of events that happened at the same time: that of the file, or its reverse."""

import numpy as np
import polars as pl

from seqrec.errors import ConfigError
from seqrec.raw.parse.keep import in_memory, keep, of, rows_of

ORDERS = ("file", "oldest_first", "newest_first")
BLOCK = 1 << 20  # rows that are looked at together
GROUPED = 20_000_000  # rows that are grouped, or turned round, in memory
MOST = 0.99  # share of steps in time that go one way in a file that runs that way


def check_order(order: str) -> None:
    """Raise a ConfigError unless `order` is one of ``ORDERS``."""
    if order not in ORDERS:
        raise ConfigError(
            f"unknown order {order!r}", where="data.order", todo=f"use one of {', '.join(ORDERS)}"
        )


def ordered(events: pl.LazyFrame, order: str) -> tuple[pl.LazyFrame, list[str]]:
    """Return events from the oldest row to the newest, and what has to be said about that.

    Args:
        events: columns user and, unless only the order of the file is known, timestamp.
        order: ``file``: as it is; ``oldest_first``: the same, said by who knows it;
            ``newest_first``: from its end.
    """
    timed = "timestamp" in events.collect_schema()
    if order == "newest_first":
        notes = []
        if timed and _runs(events, -1):
            notes = [
                "data.order=newest_first, but the file runs from the oldest event to the newest"
            ]
        return _reversed(events), notes
    if order == "oldest_first" or not timed or not _runs(events, 1):
        return events, []
    tied = _tied(events)
    if not tied:
        return events, []
    return events, [
        f"the file runs from the newest event to the oldest, and {tied:.0%} of the events happened "
        "at the same time as another of their user: these are taken in the order of the file; set "
        "data.order=newest_first if they, too, are newest first, else data.order=oldest_first"
    ]


def _runs(events: pl.LazyFrame, back: int) -> bool:
    """Return whether times fall (`back` = 1) or rise (-1) from row to row.

    So do those of all rows, or of the rows of each user, where these stand together. Rows are
    looked at block by block, each with the last row before it.
    """
    step = pl.col("timestamp").diff() * back
    same = pl.col("user") == pl.col("user").shift()
    falls, moves = step < 0, step != 0
    facts = (falls, moves, falls & same, moves & same, same)
    sums = [fact.sum().alias(str(at)) for at, fact in enumerate(facts)]
    total, rows, before = np.zeros(len(sums), dtype=np.int64), 0, None
    columns = events.select("user", "timestamp")
    for block in columns.collect_batches(chunk_size=BLOCK, maintain_order=True):
        joined = block if before is None else pl.concat([before, block])
        total += joined.select(sums).row(0)
        rows += len(block)
        before = joined.tail(1)
    fell, moved, own_fell, own_moved, own = total.tolist()
    ways = [(fell, moved), *([(own_fell, own_moved)] if 2 * own > rows else [])]
    return any(down > MOST * steps for down, steps in ways)


def _tied(events: pl.LazyFrame) -> float:
    """Return the share of events at the same time as another of their user."""
    rows = rows_of(events)
    shares = -(-rows // GROUPED)  # of the users: each is grouped in memory
    tied = 0
    for at in range(shares):
        own = events if shares == 1 else events.filter(pl.col("user").hash() % shares == at)
        many = own.group_by("user", "timestamp").len().filter(pl.col("len") > 1)
        tied += of(many, pl.col("len").sum())[0]
    return tied / rows


def _reversed(events: pl.LazyFrame) -> pl.LazyFrame:
    if in_memory():
        return keep(events.reverse())
    kept = keep(events)
    starts = range((rows_of(kept) - 1) // GROUPED * GROUPED, -1, -GROUPED)
    return pl.concat([keep(kept.slice(start, GROUPED).reverse()) for start in starts])
