"""Encode interactions as CSR arrays of dense ids: vectorised, and sparing with memory."""

from typing import Any

import numpy as np
import polars as pl

from seqrec.config.schema import Prepare
from seqrec.errors import DataError
from seqrec.raw.source import Interactions
from seqrec.store.steps import Events, steps
from seqrec.terminal.say import say

SCHEMA = ("user", "item", "timestamp", "rating")  # any other column is context


def encode(interactions: Interactions, settings: Prepare, name: str) -> dict[str, Any]:
    """Apply the steps of `settings` in the order of its fields, then number users and items.

    Each user's events are sorted by time, then by file order. Users and items are numbered in the
    file order of their first kept event.

    Returns:
        ``arrays``, ``context``, ``users``, ``items`` and ``report`` for
        :func:`seqrec.store.store.write`.

    Raises:
        DataError: a step leaves no interactions, or needs a column that the data lacks.
    """
    frame = interactions.events.collect(engine="streaming")
    user_ids, item_ids = frame["user"], frame["item"]
    events, categories = _coded(frame)
    del frame
    report: list[dict[str, Any]] = [{"step": "raw", **events.counts()}]
    _not_empty(events, report, name)
    for step, apply in steps(settings, name):
        events = apply(events)
        if step:
            report.append({"step": step, **events.counts()})
            _not_empty(events, report, name)
    offset, first_user, order = _sequences(events)
    events = events.take(order)
    item, first_item = _dense(events.item, events.row)
    users = _numbered("user", user_ids, first_user, start=0)
    users = _described(users, interactions.users, "user", name)
    if events.part is not None:
        users = _by_session(users, events.part[offset[:-1]])
    items = _numbered("item", item_ids, first_item, start=1)
    if interactions.items is None:
        items = items.with_columns(pl.lit(None, pl.String).alias("title"))
    return {
        "arrays": {
            "offset": offset,
            "item": item + 1,
            "timestamp": events.timestamp,
            "rating": events.rating,
        },
        "context": {name: (values, categories[name]) for name, values in events.context.items()},
        "users": users,
        "items": _described(items, interactions.items, "item", name),
        "report": {"rejected": interactions.rejected, "steps": report},
    }


def _coded(frame: pl.DataFrame) -> tuple[Events, dict[str, list[str] | None]]:
    """Return the columns as arrays, and the categories of each context column that has some."""

    def values(column: str) -> np.ndarray | None:
        return frame[column].to_numpy() if column in frame.columns else None

    row = np.arange(len(frame), dtype=np.int32 if len(frame) < 2**31 else np.int64)
    user, item = _codes(frame["user"]), _codes(frame["item"])
    context: dict[str, np.ndarray] = {}
    categories: dict[str, list[str] | None] = {}
    for name in frame.columns:
        if name not in SCHEMA:
            context[name], categories[name] = _context(frame[name])
    events = Events(user, item, row, values("timestamp"), values("rating"), context=context)
    return events, categories


def _context(values: pl.Series) -> tuple[np.ndarray, list[str] | None]:
    """Encode numbers as float32, NaN if unknown, or categories as int32 from 1, 0 if unknown."""
    if values.dtype.is_numeric():
        return values.cast(pl.Float32).fill_null(float("nan")).to_numpy(), None
    names = values.cast(pl.String).drop_nulls().unique().sort()
    coded = values.cast(pl.String).cast(pl.Enum(names)).to_physical() + 1
    return coded.fill_null(0).cast(pl.Int32).to_numpy(), names.to_list()


def _codes(ids: pl.Series) -> np.ndarray:
    """Replace ids by small numbers, int32; integers that lie close together are only shifted."""
    if ids.dtype.is_integer() and len(ids):
        values = ids.to_numpy()
        low = values.min()
        if int(values.max()) - int(low) < len(ids):
            return np.subtract(values, low, dtype=np.int32, casting="unsafe")
    if not isinstance(ids.dtype, pl.Categorical):
        category = pl.Categorical(pl.Categories.random())
        coded = ids.to_frame().lazy().select(pl.first().cast(pl.String).cast(category))
        ids = coded.collect(engine="streaming").to_series()
    return ids.to_physical().to_numpy().astype(np.int32)


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
    return pl.DataFrame([index, ids.gather(rows).cast(pl.String).alias(column)])


def _by_session(users: pl.DataFrame, part: np.ndarray) -> pl.DataFrame:
    """Name sessions ``user/1``, ``user/2`` and so on."""
    return users.with_columns(user=pl.col("user") + "/" + pl.Series(part).cast(pl.String))


def _described(ids: pl.DataFrame, table: pl.LazyFrame | None, one: str, name: str) -> pl.DataFrame:
    """Join the columns of `table`; of two rows for `one` (item or user) the first counts."""
    if table is None:
        return ids
    matching = table.filter(pl.col(one).is_in(ids[one].implode())).unique(
        one, keep="first", maintain_order=True
    )
    try:
        rows = matching.collect()
    except (pl.exceptions.PolarsError, OSError) as error:
        raise DataError(
            f"the table of {one}s of {name} can't be read: {str(error).splitlines()[0]}",
            where=name,
            todo="use the file as it was published, or leave it out of data.raw_dir",
        ) from error
    if rows.is_empty():
        say(
            f"the table of {one}s of {name} has none of its {len(ids):,} {one}s, such as "
            f"{ids[one][0]!r}: check that the ids match"
        )
    return ids.join(rows, on=one, how="left", maintain_order="left")


def _not_empty(events: Events, report: list[dict[str, Any]], name: str) -> None:
    if len(events):
        return
    step, before = report[-1]["step"], report[-2] if len(report) > 1 else None
    if before is None:
        raise DataError(f"{name} has no interactions")
    raise DataError(
        f"prepare.{step} leaves nothing of {name}, which had {before['users']:,} users, "
        f"{before['items']:,} items and {before['interactions']:,} interactions before it",
        where=f"prepare.{step}",
        todo="relax that step",
    )
