"""The steps of a preparation: which events are kept, and in which order. Vectorised."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from seqrec.config.schema import Prepare, Repeats
from seqrec.errors import DataError
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


Step = tuple[str | None, Callable[[Events], Events]]


def steps(settings: Prepare, name: str) -> Iterator[Step]:
    """The steps of `settings` that are on, for the source `name`.

    Each has its name in the report; None: it drops nothing. Events come in as the file has them,
    and leave by user, then time, then place in the file.

    Raises:
        DataError: a step needs a column that isn't there.
    """
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
    return events.take(_changes(events.user, events.item)[:-1])


REPEATS: dict[Repeats, Callable[[Events], Events]] = {
    Repeats.first: _first,
    Repeats.last: _last,
    Repeats.consecutive: _consecutive,
}


def _by_pair(events: Events) -> tuple[np.ndarray, np.ndarray]:
    """Positions by user and item, and the :func:`_changes` in that order."""
    order = lexsort(events.item, events.user)
    return order, _changes(events.user[order], events.item[order])


def _changes(user: np.ndarray, item: np.ndarray) -> np.ndarray:
    """Whether user or item change: before the first event, between any two, after the last."""
    other = (user[1:] != user[:-1]) | (item[1:] != item[:-1])
    return np.concatenate([[True], other, [True]])


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
