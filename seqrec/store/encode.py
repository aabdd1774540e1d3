"""Encode interactions as CSR arrays of dense ids: vectorised, and sparing with memory."""

from collections import Counter
from collections.abc import Iterable
from enum import Enum
from typing import Any

import numpy as np
import polars as pl

from seqrec.config.schema import Prepare, Repeats
from seqrec.errors import DataError
from seqrec.raw.ids import tidied
from seqrec.raw.source import Interactions
from seqrec.store.codes import BLANK, codes
from seqrec.store.describe import described
from seqrec.store.known import kept, numbered_after
from seqrec.store.steps import Events, check_columns, repeated, steps

SCHEMA = ("user", "item", "timestamp", "rating", "_part")  # any other column is context
OFF = {"min_rating": "null"}  # what turns a step off, where it isn't 0
MISSING = "missing id"  # as the readers call it


def encode(interactions: Interactions, settings: Prepare, name: str) -> dict[str, Any]:
    """Apply the steps of `settings` in the order of its fields, then number users and items.

    Each user's events are sorted by time, then by file order. Users and items are numbered in the
    file order of their first kept event, items after those that are known.

    Returns:
        ``arrays``, ``context``, ``users``, ``items`` and ``report`` for
        :func:`seqrec.store.store.write`.

    Raises:
        DataError: a step leaves no interactions, or needs a column that the data lacks.
    """
    frame = interactions.events.collect(engine="streaming")
    user_ids, item_ids, notes = frame["user"], frame["item"], list(interactions.notes)
    events, categories = _coded(frame, notes)
    del frame
    events, rejected = _named(events, interactions.rejected)
    report: list[dict[str, Any]] = [{"step": "raw", **events.counts()}]
    if not len(events):
        raise DataError(f"{name} has no interactions")
    timed, rated = events.timestamp is not None, events.rating is not None
    check_columns(settings, timed=timed, rated=rated, name=name)
    for step, apply in steps(settings):
        before, events = events, apply(events)
        if step is None:
            notes += repeats_note(repeated(events), len(events), settings)
        else:
            report.append({"step": step, **events.counts()})
            if not len(events):
                most = (int(np.bincount(code).max()) for code in (before.user, before.item))
                raise nothing_left(before.counts(), most, step, settings, name)
    if interactions.known is not None:
        events = events.take(kept(events, user_ids, item_ids, interactions.known))
    offset, first_user, order = _sequences(events)
    events = events.take(order)
    item, first_item = _dense(events.item, events.row)
    users = _numbered("user", user_ids, first_user, start=0)
    users, of_users = described(users, interactions.users, "user", name)
    if events.session is not None:
        users = _by_session(users, events.session[offset[:-1]])
    items = _numbered("item", item_ids, first_item, start=1)
    if interactions.known is not None:
        item, items = numbered_after(interactions.known.items, item, items)
    if interactions.items is None:
        items = items.with_columns(pl.lit(None, pl.String).alias("title"))
    items, of_items = described(items, interactions.items, "item", name)
    return {
        "arrays": {
            "offset": offset,
            "item": item + 1,
            "timestamp": events.timestamp,
            "rating": events.rating,
            "part": events.part,
        },
        "context": {name: (values, categories[name]) for name, values in events.context.items()},
        "users": users,
        "items": items,
        "report": {
            "rejected": rejected,
            "steps": report,
            "notes": [*notes, *of_items, *of_users],
        },
    }


def _coded(frame: pl.DataFrame, notes: list[str]) -> tuple[Events, dict[str, list[str] | None]]:
    """Return the columns as arrays, and the categories of each context column that has some.

    What the rule of ids changes is added to `notes`.
    """

    def values(column: str) -> np.ndarray | None:
        return frame[column].to_numpy() if column in frame.columns else None

    row = np.arange(len(frame), dtype=np.int32 if len(frame) < 2**31 else np.int64)
    user, of_users = codes(frame["user"], "user")
    item, of_items = codes(frame["item"], "item")
    notes += of_users + of_items
    context: dict[str, np.ndarray] = {}
    categories: dict[str, list[str] | None] = {}
    for name in frame.columns:
        if name not in SCHEMA:
            context[name], categories[name] = _context(frame[name])
    events = Events(
        user, item, row, values("timestamp"), values("rating"), values("_part"), context=context
    )
    return events, categories


def _named(events: Events, rejected: dict[str, int]) -> tuple[Events, dict[str, int]]:
    """Leave out events whose user or item is only white space, and count them as rejected."""
    blank = (events.user == BLANK) | (events.item == BLANK)
    if not blank.any():
        return events, rejected
    counted = Counter(rejected) + Counter({MISSING: int(blank.sum())})
    return events.take(~blank), dict(counted)


def repeats_note(count: int, events: int, settings: Prepare) -> list[str]:
    """Say how many events are in the data more than once."""
    if not count:
        return []
    kept = "; they are kept, prepare.repeats says what else can be done with repeats"
    return [
        f"{count:,} of {events:,} events repeat another of the same user, item and time"
        + (kept if settings.repeats is Repeats.keep else "")
    ]


def _context(values: pl.Series) -> tuple[np.ndarray, list[str] | None]:
    """Encode numbers as float32, NaN if unknown, or categories as int32 from 1, 0 if unknown."""
    if values.dtype.is_numeric():
        return values.cast(pl.Float32).fill_null(float("nan")).to_numpy(), None
    names = values.cast(pl.String).drop_nulls().unique().sort()
    coded = values.cast(pl.String).cast(pl.Enum(names)).to_physical() + 1
    return coded.fill_null(0).cast(pl.Int32).to_numpy(), names.to_list()


def _sequences(events: Events) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Order users by their first row.

    Returns:
        int64 ``offset`` of the sequences in that order; the first row of each user; and the
        positions of the events in that order.
    """
    start = np.flatnonzero(events.user[1:] != events.user[:-1]) + 1
    start = np.concatenate([[0], start])
    length = np.diff(start, append=len(events))
    first = np.minimum.reduceat(events.row, start)
    by_first = np.argsort(first)
    offset = np.concatenate([[0], np.cumsum(length[by_first])])
    order = np.repeat(start[by_first] - offset[:-1], length[by_first])
    order += np.arange(len(events))
    return offset, first[by_first], order


def _dense(code: np.ndarray, row: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Number codes by their first row.

    Returns:
        int32, the number of each event's code; and the first row of each number.
    """
    size = int(code.max()) + 1
    first = np.full(size, np.iinfo(row.dtype).max, dtype=row.dtype)
    np.minimum.at(first, code, row)
    by_first = np.argsort(first, kind="stable")[: np.count_nonzero(np.bincount(code))]
    number = np.empty(size, dtype=np.int32)
    number[by_first] = np.arange(len(by_first), dtype=np.int32)
    return number[code], first[by_first]


def _numbered(column: str, ids: pl.Series, rows: np.ndarray, start: int) -> pl.DataFrame:
    """Return the columns index and the original ids."""
    index = pl.Series("index", np.arange(start, start + len(rows), dtype=np.int32))
    return pl.DataFrame([index, tidied(ids.gather(rows)).alias(column)])


def _by_session(users: pl.DataFrame, session: np.ndarray) -> pl.DataFrame:
    """Name sessions ``user/1``, ``user/2`` and so on."""
    return users.with_columns(user=pl.col("user") + "/" + pl.Series(session).cast(pl.String))


def nothing_left(
    had: dict[str, int], most: Iterable[int], step: str, settings: Prepare, name: str
) -> DataError:
    """Return the error of a step that left no events.

    Args:
        had: users, items and interactions before it.
        most: the largest numbers of events that a user, and an item, had then.
        step: its name in the report.
        settings: the steps.
        name: of the source.
    """
    keys, (of_user, of_item) = step.split(" and "), most
    given = " and ".join(f"prepare.{key}={_shown(getattr(settings, key))}" for key in keys)
    return DataError(
        f"prepare.{step} leaves nothing of {name}, which had {had['users']:,} users (of at most "
        f"{of_user:,} events), {had['items']:,} items (of at most {of_item:,}) and "
        f"{had['interactions']:,} interactions before it",
        where=given,
        todo="lower "
        + ", or ".join(f"{key}, or set prepare.{key}={OFF.get(key, 0)}" for key in keys),
    )


def _shown(value: Any) -> Any:
    return value.value if isinstance(value, Enum) else value
