"""Interactions to CSR arrays: filters, order, dense ids. Vectorised, and sparing with memory."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from seqrec.config.schema import Prepare, Repeats
from seqrec.data.source import Interactions
from seqrec.errors import DataError
from seqrec.raw.say import say
from seqrec.store.sort import lexsort


@dataclass(frozen=True)
class Events:
    """Columns of equal length; user and item are codes, `row` is the place in the raw file."""

    user: np.ndarray  # int32 (n,)
    item: np.ndarray  # int32 (n,)
    row: np.ndarray  # int32 (n,), or int64 beyond 2**31 rows
    timestamp: np.ndarray | None  # int64 (n,)
    rating: np.ndarray | None  # float32 (n,)

    def take(self, which: np.ndarray) -> "Events":
        """Rows by mask or position."""
        columns = {name: None if v is None else v[which] for name, v in vars(self).items()}
        return Events(**columns)  # type: ignore[arg-type]

    def __len__(self) -> int:
        return len(self.user)

    def counts(self) -> dict[str, int]:
        """Distinct users and items, and interactions."""
        return {
            "users": int(np.count_nonzero(np.bincount(self.user))) if len(self) else 0,
            "items": int(np.count_nonzero(np.bincount(self.item))) if len(self) else 0,
            "interactions": len(self),
        }


def encode(interactions: Interactions, settings: Prepare, name: str) -> dict[str, Any]:
    """Do the steps of `settings` in the order of its fields.

    Inside a user events are ordered by time, then by their order in the file. Users and items are
    numbered in the order of their first kept event in the file.

    Returns:
        ``arrays``, ``users``, ``items`` and ``report`` for :func:`seqrec.store.store.write`.

    Raises:
        DataError: a step leaves no interactions, or needs a column that isn't there.
    """
    frame = interactions.events.collect(engine="streaming")
    user_ids, item_ids = frame["user"], frame["item"]
    events = _coded(frame)
    del frame
    report: list[dict[str, Any]] = [{"step": "raw", **events.counts()}]
    _not_empty(events, report, name)
    for step, apply in _steps(settings, name):
        events = apply(events)
        if step:
            report.append({"step": step, **events.counts()})
            _not_empty(events, report, name)
    offset, order, first_user = _sequences(events)
    events = events.take(order)
    item, first_item = _dense(events.item, events.row)
    users = _numbered("user", user_ids, first_user, start=0)
    items = _numbered("item", item_ids, first_item, start=1)
    return {
        "arrays": {
            "offset": offset,
            "item": item + 1,
            "timestamp": events.timestamp,
            "rating": events.rating,
        },
        "users": users,
        "items": _described(items, interactions.items, name),
        "report": {"rejected": interactions.rejected, "steps": report},
    }


Step = tuple[str | None, Callable[[Events], Events]]


def _steps(settings: Prepare, name: str) -> Iterator[Step]:
    """The steps that are on, each with its name in the report (None: it drops nothing)."""
    if settings.min_rating is not None:
        yield "min_rating", lambda events: _min_rating(events, settings.min_rating, name)  # type: ignore[arg-type]
    yield None, _ordered
    if settings.repeats is not Repeats.keep:
        yield "repeats", REPEATS[settings.repeats]
    if settings.k_core > 1:
        yield "k_core", lambda events: _k_core(events, settings.k_core)
    if settings.max_history is not None:
        yield "max_history", lambda events: _latest(events, settings.max_history)  # type: ignore[arg-type]


def _min_rating(events: Events, least: float, name: str) -> Events:
    if events.rating is None:
        raise DataError(
            f"{name} has no ratings, so none can be at least {least:g}",
            where="prepare.min_rating",
            todo="set prepare.min_rating=null, or name the rating column with data.rating",
        )
    return events.take(events.rating >= least)


def _ordered(events: Events) -> Events:
    """By user, then time, then place in the file (the sort is stable)."""
    keys = (events.user,) if events.timestamp is None else (events.timestamp, events.user)
    return events.take(lexsort(*keys))


def _first(events: Events) -> Events:
    """Keep the first event of each user with each item."""
    order, new = _by_pair(events)
    return events.take(np.sort(order[new[:-1]]))


def _last(events: Events) -> Events:
    """Keep the last event of each user with each item."""
    order, new = _by_pair(events)
    return events.take(np.sort(order[new[1:]]))


def _consecutive(events: Events) -> Events:
    """Of a run of events of a user with one item keep the first."""
    return events.take(_changes(events)[:-1])


REPEATS: dict[Repeats, Callable[[Events], Events]] = {
    Repeats.first: _first,
    Repeats.last: _last,
    Repeats.consecutive: _consecutive,
}


def _by_pair(events: Events) -> tuple[np.ndarray, np.ndarray]:
    """Positions by user and item, and the :func:`_changes` in that order."""
    order = lexsort(events.item, events.user)
    return order, _changes(events.take(order))


def _changes(events: Events) -> np.ndarray:
    """Between which events user or item change, before the first and after the last too."""
    same = (events.user[1:] == events.user[:-1]) & (events.item[1:] == events.item[:-1])
    return np.concatenate([[True], ~same, [True]])


def _k_core(events: Events, k: int) -> Events:
    """Drop users and items with fewer than `k` events until there are none."""
    while len(events):
        enough = (np.bincount(events.user) >= k)[events.user]
        enough &= (np.bincount(events.item) >= k)[events.item]
        if enough.all():
            break
        events = events.take(enough)
    return events


def _latest(events: Events, most: int) -> Events:
    """Keep the last `most` events of each user."""
    end = np.cumsum(np.bincount(events.user))
    return events.take(end[events.user] - np.arange(len(events)) <= most)


def _coded(frame: pl.DataFrame) -> Events:
    def values(column: str) -> np.ndarray | None:
        return frame[column].to_numpy() if column in frame.columns else None

    row = np.arange(len(frame), dtype=np.int32 if len(frame) < 2**31 else np.int64)
    user, item = _codes(frame["user"]), _codes(frame["item"])
    return Events(user, item, row, values("timestamp"), values("rating"))


def _codes(ids: pl.Series) -> np.ndarray:
    """Small numbers in place of ids, int32; integers that lie close together are so already."""
    if ids.dtype.is_integer() and len(ids):
        values = ids.to_numpy()
        least = values.min()
        if int(values.max()) - int(least) < len(ids):
            return np.subtract(values, least, dtype=np.int32, casting="unsafe")
    if not isinstance(ids.dtype, pl.Categorical):
        category = pl.Categorical(pl.Categories.random())
        coded = ids.to_frame().lazy().select(pl.first().cast(pl.String).cast(category))
        ids = coded.collect(engine="streaming").to_series()
    return ids.to_physical().to_numpy().view(np.int32)


def _sequences(events: Events) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Order users by their first row.

    Returns:
        int64 ``offset`` of the sequences in that order; the events' order; and the first row of
        each user.
    """
    start = np.flatnonzero(np.diff(events.user, prepend=-1))
    length = np.diff(start, append=len(events))
    first = np.minimum.reduceat(events.row, start)
    by_first = np.argsort(first)
    offset = np.concatenate([[0], np.cumsum(length[by_first])])
    order = np.repeat(start[by_first] - offset[:-1], length[by_first])
    order += np.arange(len(events))
    return offset, order, first[by_first]


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
    """Columns index and the original ids."""
    index = pl.Series("index", np.arange(start, start + len(rows), dtype=np.int32))
    return pl.DataFrame([index, ids.gather(rows).cast(pl.String).alias(column)])


def _described(items: pl.DataFrame, table: pl.LazyFrame | None, name: str) -> pl.DataFrame:
    """Add title and features; of two rows for one item the first counts."""
    if table is None:
        return items.with_columns(pl.lit(None, pl.String).alias("title"))
    described = table.filter(pl.col("item").is_in(items["item"].implode())).unique(
        "item", keep="first", maintain_order=True
    )
    known = described.collect()
    if known.is_empty():
        say(
            f"the table of items of {name} describes none of its {len(items):,} items, such as "
            f"{items['item'][0]!r}: titles and features are unknown"
        )
    return items.join(known, on="item", how="left", maintain_order="left")


def _not_empty(events: Events, report: list[dict[str, Any]], name: str) -> None:
    if len(events):
        return
    step, before = report[-1]["step"], report[-2] if len(report) > 1 else None
    if before is None:
        raise DataError(f"{name} has no interactions")
    raise DataError(
        f"nothing of {name} is left after prepare.{step}: before it there were "
        f"{before['users']:,} users, {before['items']:,} items and "
        f"{before['interactions']:,} interactions",
        where=f"prepare.{step}",
        todo="make that step milder",
    )
