"""The order of events that happened at the same time: that of the file, or its reverse."""

import polars as pl

from seqrec.errors import ConfigError

ORDERS = ("file", "oldest_first", "newest_first")
MOST = 0.99  # share of steps in time that go one way in a file that runs that way


def check_order(order: str) -> None:
    """Raise a ConfigError unless `order` is one of ``ORDERS``."""
    if order not in ORDERS:
        raise ConfigError(
            f"unknown order {order!r}", where="data.order", todo=f"use one of {', '.join(ORDERS)}"
        )


def ordered(events: pl.DataFrame, order: str) -> tuple[pl.DataFrame, list[str]]:
    """Return events from the oldest row to the newest, and what has to be said about that.

    Args:
        events: columns user and, unless only the order of the file is known, timestamp.
        order: ``file``: as it is; ``oldest_first``: the same, said by who knows it;
            ``newest_first``: from its end.
    """
    if order == "newest_first":
        notes = []
        if "timestamp" in events.columns and _runs(events, -1):
            notes = [
                "data.order=newest_first, but the file runs from the oldest event to the newest"
            ]
        return events.reverse(), notes
    if order == "oldest_first" or "timestamp" not in events.columns or not _runs(events, 1):
        return events, []
    tied = events.select("user", "timestamp").is_duplicated().sum() / len(events)
    if not tied:
        return events, []
    return events, [
        f"the file runs from the newest event to the oldest, and {tied:.0%} of the events happened "
        "at the same time as another of their user: these are taken in the order of the file; set "
        "data.order=newest_first if they, too, are newest first, else data.order=oldest_first"
    ]


def _runs(events: pl.DataFrame, back: int) -> bool:
    """Return whether times fall (`back` = 1) or rise (-1) from row to row.

    So do those of all rows, or of the rows of each user, where these stand together.
    """
    step = events["timestamp"].diff() * back
    same = events["user"] == events["user"].shift()
    ways = [step, step.filter(same)] if 2 * int(same.sum()) > len(same) else [step]
    return any(int((s < 0).sum()) > MOST * int((s != 0).sum()) for s in ways)
