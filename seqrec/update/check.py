"""Whether newer data is that of a run, and goes on from it."""

from itertools import pairwise

import numpy as np
import polars as pl

from seqrec.clock import iso_time
from seqrec.config.schema import Repeats, Root, Ties
from seqrec.errors import DataError, RunError
from seqrec.store.store import SequenceStore


def check_updatable(root: Root, store: SequenceStore) -> None:
    """Refuse a run that can't be updated, by name.

    Raises:
        RunError: it is an ensemble, its data has no times or published parts, or its preparation
            lets later events remove earlier ones.
    """
    reasons = {
        "an ensemble learns nothing; update its runs, and combine them again": root.ensemble
        is not None,
        "its data has no times, so no event is known to be new": store.timestamp is None,
        "its split was published: the parts of split=given can't grow": store.part is not None,
        "prepare.repeats=last lets a new event remove an old one": root.prepare.repeats
        is Repeats.last,
        "prepare.ties=shuffle draws the order of old events anew": root.prepare.ties
        is Ties.shuffle,
        "prepare.max_history lets new events push old ones out": root.prepare.max_history
        is not None,
    }
    for reason, holds in reasons.items():
        if holds:
            raise RunError(
                f"the run can't be updated: {reason}",
                where=store.name,
                todo="train a new run on the new data",
            )


def check_goes_on(
    before: SequenceStore, store: SequenceStore, *, since: int, gone: pl.Series | None = None
) -> None:
    """Check that `store` begins with the events of `before`, and has more.

    Args:
        before: the data of the run that is updated.
        store: the grown data.
        since: milliseconds since 1970 UTC; events from this time on are new.
        gone: users who are left out now; None: nobody.

    Raises:
        DataError: an item has another number, an earlier event is missing or was added, or nothing
            is new.
    """
    assert before.timestamp is not None and store.timestamp is not None
    known = store.items()["item"].head(before.n_items)
    if not known.equals(before.items()["item"]):
        raise _other("an item has another number", before, since)
    old = np.asarray(store.timestamp) < since
    then, now = _events(before, np.ones(before.n_interactions, dtype=bool)), _events(store, old)
    if gone is not None:
        then = then.filter(~pl.col("user").is_in(gone.implode()))
    if not then.equals(now):
        lost = then.join(now, on=then.columns, how="anti", nulls_equal=True)
        more = now.join(then, on=then.columns, how="anti", nulls_equal=True)
        raise _other(
            f"{len(lost):,} of the run's {len(then):,} events are missing and {len(more):,} others "
            f"lie before {iso_time(since)}",
            before,
            since,
        )
    if old.all():
        raise _nothing(before, store, since)


def _nothing(before: SequenceStore, store: SequenceStore, since: int) -> DataError:
    """Return the error of data without new events: there are none, or a step removed them."""
    last = f"{iso_time(since - 1)}, the last that the run had"
    then, now = _left_out(before), _left_out(store)
    more = store.report["steps"][0]["interactions"] - before.report["steps"][0]["interactions"]
    step = max(now, key=lambda name: now[name] - then.get(name, 0), default=None)
    if more <= 0 or step is None:
        return DataError(
            f"there is nothing new: {store.name} has no event after {last}",
            where=store.name,
            todo="name newer data, or wait for some",
        )
    keys = " and ".join(f"prepare.{key}" for key in step.split(" and "))
    return DataError(
        f"there is nothing new: {store.name} has {more:,} more events than the run read, but "
        f"{keys} left none of them after {last}",
        where=keys,
        todo=f"wait for more events, or train a new run with other {keys}",
    )


def _left_out(store: SequenceStore) -> dict[str, int]:
    """Return how many events each step of the preparation left out."""
    return {
        after["step"]: had["interactions"] - after["interactions"]
        for had, after in pairwise(store.report["steps"])
    }


def _events(store: SequenceStore, which: np.ndarray) -> pl.DataFrame:
    """Return user, time and item of marked events, in the order of users and of their events."""
    user = np.repeat(np.arange(store.n_users), np.diff(store.offset))[which]
    time, item = np.asarray(store.timestamp)[which], np.asarray(store.item)[which]
    names = store.users()["user"].gather(user)
    table = pl.DataFrame([names, pl.Series("time", time), pl.Series("item", item)])
    return table.sort("user", maintain_order=True)


def _other(fact: str, before: SequenceStore, since: int) -> DataError:
    return DataError(
        f"the data isn't that of the run, with more: {fact}",
        where=f"{before.name}, before {iso_time(since)}",
        todo="name files that hold all that the run read, and newer events after it",
    )
