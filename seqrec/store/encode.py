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
from seqrec.store.known import Texts, kept, none_kept, numbered_after
from seqrec.store.needs import check_columns
from seqrec.store.steps import Events, repeated, row_type, steps

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
    timed, rated = "timestamp" in frame.columns, "rating" in frame.columns
    check_columns(settings, timed=timed, rated=rated, name=name)
    user_ids, item_ids, notes = frame["user"], frame["item"], list(interactions.notes)
    events, categories = _coded(frame, notes)
    del frame
    events, blank = named(events)
    report: list[dict[str, Any]] = [{"step": "raw", **events.counts()}]
    if not len(events):
        raise DataError(f"{name} has no interactions")
    for step in steps(settings):
        before, events = events, step.apply(events)
        if step.name is None:
            notes += repeats_note(repeated(events), len(events), settings)
        else:
            report.append({"step": step.name, **events.counts()})
            if not len(events):
                most = [int(np.bincount(code).max()) for code in (before.user, before.item)]
                raise nothing_left(before.counts(), most, step.name, settings, name)
    if interactions.known is not None:
        of_user, of_item = (_ids(ids) for ids in (user_ids, item_ids))
        events = events.take(kept(events, of_user, of_item, interactions.known))
        if not len(events):
            raise none_kept(name)
    offset, first_user, order = _sequences(events)
    events = events.take(order)
    first_item = first_rows(events.item, events.row)
    number, by_first = numbers(first_item)
    users = tidied(user_ids.gather(first_user))
    own = None if events.session is None else events.session[offset[:-1]]
    items = tidied(item_ids.gather(first_item[by_first]))
    number, tables, told = described_ids(interactions, users, own, items, number, name)
    return {
        "arrays": {
            "offset": offset,
            "item": number[events.item],
            "timestamp": events.timestamp,
            "rating": events.rating,
            "part": events.part,
        },
        "context": {name: (values, categories[name]) for name, values in events.context.items()},
        **tables,
        "report": report_of(interactions, report, blank, [*notes, *told]),
    }


def described_ids(
    interactions: Interactions,
    users: pl.Series,
    session: np.ndarray | None,
    items: pl.Series,
    number: np.ndarray,
    name: str,
) -> tuple[np.ndarray, dict[str, pl.DataFrame], list[str]]:
    """Make the tables of users and items, with what is known of them.

    Args:
        interactions: the tables that the source has, and the ids that have numbers already.
        users, items: ids in the order of their numbers.
        session: the number of each sequence among those of its user; None: no sessions were cut.
        number: the number of each code of an item, from 0.
        name: of the source, for messages.

    Returns:
        int32, the index of each code of an item; ``users`` and ``items``; and notes.
    """
    user_table = _numbered("user", users, start=0)
    user_table, of_users = described(user_table, interactions.users, "user", name)
    if session is not None:
        user_table = _by_session(user_table, session)
    item_table = _numbered("item", items, start=1)
    if interactions.known is not None:
        again, item_table = numbered_after(interactions.known.items, item_table)
        number = again[number]
    if interactions.items is None:
        item_table = item_table.with_columns(pl.lit(None, pl.String).alias("title"))
    item_table, of_items = described(item_table, interactions.items, "item", name)
    return number + 1, {"users": user_table, "items": item_table}, [*of_items, *of_users]


def report_of(
    interactions: Interactions, steps: list[dict[str, Any]], blank: int, notes: list[str]
) -> dict[str, Any]:
    """Return the report of a preparation, with `blank` more rows that were rejected."""
    rejected = interactions.rejected
    if blank:
        rejected = dict(Counter(rejected) + Counter({MISSING: blank}))
    return {"rejected": rejected, "steps": steps, "notes": notes}


def _coded(frame: pl.DataFrame, notes: list[str]) -> tuple[Events, dict[str, list[str] | None]]:
    """Return the columns as arrays, and the categories of each context column that has some.

    What the rule of ids changes is added to `notes`.
    """

    def values(column: str) -> np.ndarray | None:
        return frame[column].to_numpy() if column in frame.columns else None

    row = np.arange(len(frame), dtype=row_type(len(frame)))
    user, of_users = codes(frame["user"], "user")
    item, of_items = codes(frame["item"], "item")
    notes += of_users + of_items
    context: dict[str, np.ndarray] = {}
    categories: dict[str, list[str] | None] = {}
    for name in frame.columns:
        if name not in SCHEMA:
            categories[name] = names_in(frame.lazy(), name)
            context[name] = context_codes(frame[name], categories[name])
    events = Events(
        user, item, row, values("timestamp"), values("rating"), values("_part"), context=context
    )
    return events, categories


def named(events: Events) -> tuple[Events, int]:
    """Leave out events whose user or item is only white space, and count them."""
    blank = (events.user == BLANK) | (events.item == BLANK)
    return (events.take(~blank), int(blank.sum())) if blank.any() else (events, 0)


def repeats_note(count: int, events: int, settings: Prepare) -> list[str]:
    """Say how many events are in the data more than once."""
    if not count:
        return []
    kept = "; they are kept, prepare.repeats says what else can be done with repeats"
    return [
        f"{count:,} of {events:,} events repeat another of the same user, item and time"
        + (kept if settings.repeats is Repeats.keep else "")
    ]


def names_in(frame: pl.LazyFrame, column: str) -> list[str] | None:
    """Return the categories of a context column; None: it holds numbers."""
    if frame.collect_schema()[column].is_numeric():
        return None
    names = frame.select(pl.col(column).cast(pl.String).drop_nulls().unique().sort())
    return names.collect(engine="streaming").to_series().to_list()


def context_codes(values: pl.Series, names: list[str] | None) -> np.ndarray:
    """Encode numbers as float32, NaN if unknown, or categories as int32 from 1, 0 if unknown."""
    if names is None:
        return values.cast(pl.Float32).fill_null(float("nan")).to_numpy()
    coded = values.cast(pl.String).cast(pl.Enum(names)).to_physical() + 1
    return coded.fill_null(0).cast(pl.Int32).to_numpy()


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


def first_rows(code: np.ndarray, row: np.ndarray) -> np.ndarray:
    """Return the first row of each code, the largest number of its type for one without any."""
    first = np.full(int(code.max()) + 1, np.iinfo(row.dtype).max, dtype=row.dtype)
    np.minimum.at(first, code, row)
    return first


def numbers(first: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Number codes by their first row, see :func:`first_rows`.

    Returns:
        int32, the number of each code that has rows, else 0; and the codes in the order of their
        numbers.
    """
    used = np.count_nonzero(first != np.iinfo(first.dtype).max)
    by_first = np.argsort(first, kind="stable")[:used]
    number = np.zeros(len(first), dtype=np.int32)
    number[by_first] = np.arange(used, dtype=np.int32)
    return number, by_first


def _ids(ids: pl.Series) -> Texts:
    """Return what looks up the ids of events in those of all rows."""
    return lambda events: tidied(ids.gather(events.row))


def _numbered(column: str, ids: pl.Series, start: int) -> pl.DataFrame:
    """Return the columns index and the original ids."""
    index = pl.Series("index", np.arange(start, start + len(ids), dtype=np.int32))
    return pl.DataFrame([index, ids.alias(column)])


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
