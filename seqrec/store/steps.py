"""The steps of a preparation: which events are kept, and in which order. Vectorised."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import pairwise
from typing import Any, Protocol

import numpy as np

from seqrec.clock import instant
from seqrec.config.schema import Prepare, Repeats, Ties
from seqrec.store.core import core, holders
from seqrec.store.sort import lexsort


@dataclass(frozen=True)
class Events:
    """Columns of equal length; user and item are codes, `row` is the position in the raw file.

    If sessions were cut, `user` numbers sessions, `person` has the codes of their users, and
    `session` numbers each user's own.
    """

    user: np.ndarray  # int32 (n,)
    item: np.ndarray  # int32 (n,)
    row: np.ndarray  # int32 (n,), or int64 beyond 2**31 rows
    timestamp: np.ndarray | None  # int64 (n,)
    rating: np.ndarray | None  # float32 (n,)
    part: np.ndarray | None = None  # int8 (n,): 0 training, 1 validation, 2 test; as given
    person: np.ndarray | None = None  # int32 (n,)
    session: np.ndarray | None = None  # int32 (n,), from 1
    context: dict[str, np.ndarray] = field(default_factory=dict)  # int32 codes or float32

    def take(self, which: np.ndarray) -> "Events":
        """Select rows by mask or position."""
        columns = {k: v[which] for k, v in vars(self).items() if isinstance(v, np.ndarray)}
        context = {name: values[which] for name, values in self.context.items()}
        return replace(self, **columns, context=context)

    @property
    def persons(self) -> np.ndarray:
        """The code of the user of each event, even if sessions were cut."""
        return self.user if self.person is None else self.person

    def __len__(self) -> int:
        return len(self.user)

    def counts(self) -> dict[str, int]:
        """Count distinct users and items, and interactions."""
        return {
            "users": int(np.count_nonzero(np.bincount(self.user))) if len(self) else 0,
            "items": int(np.count_nonzero(np.bincount(self.item))) if len(self) else 0,
            "interactions": len(self),
        }


Minima = dict[str, tuple[str, int]]  # user, item or session -> the key that decides, and its value


def minima(settings: Prepare) -> Minima:
    """Return how many events users, items and sessions must have at least.

    ``k_core`` holds for items and for sequences (users, or sessions if they are cut) that have no
    minimum of their own.
    """
    sequence = "user" if settings.session_gap is None else "session"
    found = dict.fromkeys((sequence, "item"), ("k_core", settings.k_core))
    for who in ("user", "item", "session"):
        own = getattr(settings, f"min_{who}_events")
        if own is not None:
            found[who] = (f"min_{who}_events", own)
    return {who: (key, least) for who, (key, least) in found.items() if least > 1}


class Drawn(Protocol):
    """The place of each row in the order of ``ties=shuffle``: an array, or what reads one."""

    def __getitem__(self, row: Any, /) -> Any: ...


@dataclass(frozen=True)
class Step:
    """A step of a preparation.

    Args:
        name: in the report; None: the step drops nothing.
        apply: maps events to events: all of them, or all of some users.
        least: of the step that needs all events at once, as those of an item may be anyone's.
    """

    name: str | None
    apply: Callable[[Events], Events]
    least: Minima | None = None


def steps(settings: Prepare, drawn: Drawn | None = None) -> Iterator[Step]:
    """Yield the steps that `settings` turns on; :mod:`seqrec.store.needs` has checked the columns.

    Events enter in file order and leave sorted by user, then time, then file order (within the
    parts, if these are given).

    Args:
        settings: what is turned on.
        drawn: of ``ties=shuffle``, the place of each row in the order that is drawn; None: it is
            drawn here, for events that are there all at once.
    """
    if settings.min_rating is not None:
        yield Step("min_rating", partial(_min_rating, minimum=settings.min_rating))
    yield Step(None, partial(_ordered, ties=settings.ties, drawn=drawn))
    if settings.repeats is not Repeats.keep:
        yield Step("repeats", REPEAT_STEPS[settings.repeats])
    if settings.session_gap is not None:
        yield Step("session_gap", partial(_sessions, minutes=settings.session_gap))
    least = minima(settings)
    if least:
        keys = list(dict.fromkeys(key for key, _ in least.values()))
        enough = partial(_enough, least=least, settings=settings)
        yield Step(" and ".join(keys), enough, least)
    if settings.max_history is not None:
        yield Step("max_history", partial(_latest, limit=settings.max_history))


def costliest(report: list[dict[str, Any]], what: str) -> str | None:
    """Describe the step that left out the most users or items; None: no step left out any.

    Args:
        report: the counts after each step, see :class:`~seqrec.store.store.SequenceStore`.
        what: ``users`` or ``items``.
    """
    pairs = [(before[what], after) for before, after in pairwise(report)]
    had, step = max(pairs, key=lambda pair: pair[0] - pair[1][what], default=(0, {what: 0}))
    if had <= step[what]:
        return None
    return f"prepare.{step['step']} left {step[what]:,} of {had:,} {what}"


def _min_rating(events: Events, minimum: float) -> Events:
    assert events.rating is not None
    return events.take(events.rating >= minimum)


def _ordered(events: Events, ties: Ties, drawn: Drawn | None = None) -> Events:
    """Sort by user, then part if it is given, then time, then file order (the sort is stable)."""
    if ties is Ties.shuffle:
        order = drawn_order(len(events)) if drawn is None else np.argsort(drawn[events.row])
        events = events.take(order)
    keys = (events.timestamp, events.part, events.user)
    return events.take(lexsort(*(key for key in keys if key is not None)))


def drawn_order(rows: int) -> np.ndarray:
    """Return the order of ``ties=shuffle``, the same for the same number of rows.

    Returns:
        int32, the rows in that order; int64 beyond 2**31 of them.
    """
    order = np.arange(rows, dtype=row_type(rows))
    np.random.default_rng(0).shuffle(order)
    return order


def drawn_place(rows: int) -> np.ndarray:
    """Return the place of each row in :func:`drawn_order`."""
    order = drawn_order(rows)
    place = np.empty_like(order)
    place[order] = np.arange(rows, dtype=order.dtype)
    return place


def row_type(rows: int) -> type[np.signedinteger]:
    """Return the type of the numbers of so many rows."""
    return np.int32 if rows < 2**31 else np.int64


def repeated(events: Events) -> int:
    """Count the events that repeat another of the same user, item and time.

    Args:
        events: sorted by :func:`steps`; without times, none is told from a second visit.
    """
    if events.timestamp is None or not len(events):
        return 0
    user, time, item = events.user, events.timestamp, events.item
    if events.part is not None:  # which they are sorted by before time
        order = lexsort(time, user)
        user, time, item = user[order], time[order], item[order]
    tied = (user[1:] == user[:-1]) & (time[1:] == time[:-1])
    near = np.concatenate([[False], tied]) | np.concatenate([tied, [False]])
    user, time, item = user[near], time[near], item[near]
    if not len(user):
        return 0
    order = lexsort(item, time, user)
    columns = (values[order] for values in (user, time, item))
    return int(np.logical_and.reduce([v[1:] == v[:-1] for v in columns]).sum())


def _first(events: Events) -> Events:
    """Keep the first event of each user with each item."""
    order, new = _by_pair(events)
    return events.take(np.sort(order[new[:-1]]))


def _last(events: Events) -> Events:
    """Keep the last event of each user with each item."""
    order, new = _by_pair(events)
    return events.take(np.sort(order[new[1:]]))


def _consecutive(events: Events) -> Events:
    """Keep the first of each user's consecutive events with the same item."""
    return events.take(_changes(events.user, events.item)[:-1])


REPEAT_STEPS: dict[Repeats, Callable[[Events], Events]] = {
    Repeats.first: _first,
    Repeats.last: _last,
    Repeats.consecutive: _consecutive,
}


def _by_pair(events: Events) -> tuple[np.ndarray, np.ndarray]:
    """Return positions sorted by user and item, and the :func:`_changes` in that order."""
    order = lexsort(events.item, events.user)
    return order, _changes(events.user[order], events.item[order])


def _changes(user: np.ndarray, item: np.ndarray) -> np.ndarray:
    """Return whether user or item change: before the first event, between two, after the last."""
    other = (user[1:] != user[:-1]) | (item[1:] != item[:-1])
    return np.concatenate([[True], other, [True]])


def _sessions(events: Events, minutes: float) -> Events:
    """Cut each user's events at pauses of more than `minutes`."""
    assert events.timestamp is not None
    other = np.concatenate([[True], events.user[1:] != events.user[:-1]])
    pause = np.concatenate([[False], np.diff(events.timestamp) > minutes * 60_000])
    session = np.cumsum(other | pause).astype(np.int32) - 1
    own = session - np.repeat(session[other], np.diff(np.flatnonzero(other), append=len(other)))
    return replace(events, user=session, person=events.user, session=own + 1)


def _enough(events: Events, least: Minima, settings: Prepare) -> Events:
    """Drop users, items and sessions with too few events until there are none.

    If the parts are given, this is done to the training part alone. With ``k_core_before`` only the
    events before it count; users and items that remain keep their later events too, so that no
    later event decides who is in the data.
    """
    counted = counting(events, settings)
    of_item = np.bincount(events.item[counted], minlength=int(events.item.max()) + 1)
    at_least = {who: number for who, (_, number) in least.items()}
    codes = {who: code[counted] for who, code in holders(vars(events), at_least).items()}
    left = core(codes, at_least, of_item)
    return remaining(events, counted, left, of_item)


def counting(events: Events, settings: Prepare) -> np.ndarray:
    """Return which events count when users, items and sessions must have enough of them."""
    cut = instant(settings.k_core_before, where="prepare.k_core_before")
    counts = np.ones(len(events), dtype=bool)
    if cut is not None:
        assert events.timestamp is not None
        counts &= events.timestamp < cut
    if events.part is not None:
        counts &= events.part == 0
    return counts


def remaining(events: Events, counted: np.ndarray, left: np.ndarray, of_item: np.ndarray) -> Events:
    """Select the events that remain once it is known who has enough, see :func:`_enough`.

    Args:
        events: all events of some users.
        counted: bool, which of them count.
        left: the positions, among these, of those that are left.
        of_item: how many of these, of all users, each item has.
    """
    if counted.all():
        return events.take(left)
    left = np.flatnonzero(counted)[left]
    if events.part is not None:
        kept = events.part != 0
        kept[left] = True
    else:
        kept = np.isin(events.user, np.unique(events.user[left])) & (of_item > 0)[events.item]
    return events.take(kept)


def _latest(events: Events, limit: int) -> Events:
    """Keep the last `limit` events of each user."""
    end = np.cumsum(np.bincount(events.user))
    return events.take(end[events.user] - np.arange(len(events)) <= limit)
