"""The split of an updated run: what it learns, and the two periods that it is judged by."""

from dataclasses import dataclass, replace
from typing import Any, ClassVar, cast

import numpy as np

from seqrec.clock import iso_time
from seqrec.errors import DataError
from seqrec.split._cuts import check_shares, chosen, count_before, quantiles, times_of
from seqrec.store.peers import ALONE
from seqrec.store.store import SequenceStore
from seqrec.store.views import Split, Splits, View, assemble


@dataclass(frozen=True, kw_only=True)
class Earlier:
    """The split of an earlier run, as positions of a store that has grown since.

    Args:
        base: that split.
        since: milliseconds since 1970 UTC; events from this time on are in no part.
    """

    cuts_time: ClassVar[bool] = True

    base: Split
    since: int

    def __call__(self, store: SequenceStore) -> Splits:
        """Split `store`; raise a DataError if it has no times or a part is empty."""
        place = np.flatnonzero(times_of(store) < self.since)
        before, users = _before(store, place, self.since)
        split = self.base(before)
        candidate_V = split.candidate_V
        if candidate_V is None:
            candidate_V = np.bincount(before.item, minlength=store.n_items + 1) > 0
            candidate_V[0] = False
        train, valid, test = (
            View(users[view.user], place[view.start], place[view.end - last] + last)
            for view, last in ((split.train, 1), (split.valid, 0), (split.test, 0))
        )
        return replace(split, train=train, valid=valid, test=test, candidate_V=candidate_V)


@dataclass(frozen=True, kw_only=True)
class Continued:
    """Go on from an earlier run's split with the events since.

    The **old period** is the test events of the earlier run. They stay held out: none is ever a
    target of training, and they are judged apart. The **new period** is the latest of the new
    events, with the validation events before them; all of them are targets whose history is all
    that their user did before. Whatever else there is before the validation cut trains, what the
    earlier run held out to validate too. Of it, an update *learns* the new events and a sample of
    the old ones, each equally likely: replay (Rolnick et al. 2019).

    Args:
        base: the split of the earlier run.
        since: milliseconds since 1970 UTC; events from this time on are new.
        valid_share, test_share: share of the new events that validates and tests.
        replay: old events that are learned again, for each new one.
        piece: events of a stretch that is learned from, at most.
        seed: of the sample.
    """

    cuts_time: ClassVar[bool] = True

    base: Split
    since: int
    valid_share: float = 0.1
    test_share: float = 0.2
    replay: float = 1.0
    piece: int = 25
    seed: int = 0

    def __post_init__(self) -> None:
        check_shares(test_share=self.test_share, valid_share=self.valid_share)
        if not self.replay >= 0:
            raise ValueError(f"split.replay={self.replay} must be at least 0")
        if self.piece < 1:
            raise ValueError(f"split.piece={self.piece} must be at least 1")

    def __call__(self, store: SequenceStore) -> Splits:
        """Split `store`; raise a DataError if it has no times or a part is empty."""
        time = times_of(store)
        new = time >= self.since
        if not new.any():
            raise DataError(
                f"{store.name} has no events from {iso_time(self.since)} on",
                where="split.since",
                todo="name newer data",
            )
        before = self.earlier(store)
        assert before.candidate_V is not None
        shares = [1 - self.test_share - self.valid_share, 1 - self.test_share]
        valid_cut, test_cut = quantiles(time[new], shares)
        start, end = np.asarray(store.offset[:-1]), np.asarray(store.offset[1:])
        valid_at, test_at = (start + count_before(store, cut) for cut in (valid_cut, test_cut))
        trains = time < valid_cut
        trains[before.test.end] = False
        candidate_V = before.candidate_V.copy()
        candidate_V[store.item[trains & new]] = True
        splits = assemble(
            store,
            train=_runs(trains, store.offset),
            valid=chosen(start, valid_at, test_at, "all"),
            test=chosen(start, test_at, end, "all"),
            candidate_V=candidate_V,
            cut=valid_cut,
            protocol=f"continued({before.protocol}, since={iso_time(self.since)}, "
            f"valid_from={iso_time(valid_cut)}, test_from={iso_time(test_cut)})",
            todo="there are too few new events: wait for more, or change valid_share, test_share",
        )
        trained = np.zeros(store.n_interactions, dtype=bool)
        trained[before.train.positions()] = True
        learned = _pieces(_runs(trains & ~trained, store.offset), self.piece)
        if not len(learned):
            raise DataError(
                "no new event is left to learn from",
                where="split",
                todo="wait for more events, or set smaller valid_share and test_share",
            )
        old = _pieces(_runs(trains & trained, store.offset), self.piece)
        again = self._replayed(old, _size(learned))
        notes = (
            f"This run updates another. Old period: the {len(before.test):,} test events of that "
            "run, never a target of training and judged apart. New period: the events from "
            f"{iso_time(test_cut)} on, judged by all metrics here. Learned: {_size(learned):,} new "
            f"events, and {_size(again):,} old ones again.",
        )
        return replace(splits, learned=_joined(learned, again), notes=notes)

    def earlier(self, store: SequenceStore) -> Splits:
        """Return what the earlier run had of `store`; all its candidates are listed."""
        return Earlier(base=self.base, since=self.since)(store)

    def _replayed(self, pieces: View, new: int) -> View:
        """Draw pieces of old events, about `replay` times as many events as are new."""
        order = np.random.default_rng([self.seed, len(pieces)]).permutation(len(pieces))
        total = np.cumsum((pieces.end - pieces.start)[order])
        enough = int(np.searchsorted(total, self.replay * new))
        return pieces.take(np.sort(order[:enough]))


def _before(
    store: SequenceStore, place: np.ndarray, since: int
) -> tuple[SequenceStore, np.ndarray]:
    """Return the earlier events as a store of the users who have some, and these users."""
    length = count_before(store, since)
    users = np.flatnonzero(length)
    if not len(users):
        raise DataError(
            f"{store.name} has no events before {iso_time(since)}",
            where="split.since",
            todo="restore the files that the updated run read",
        )
    part = {name: _at(getattr(store, name), place) for name in ("timestamp", "item", "rating")}
    values = {
        **part,
        "offset": np.concatenate([[0], np.cumsum(length[users])]),
        "part": None,
        "name": store.name,
        "report": store.report,
        "peers": ALONE,
        "first_user": 0,
        "n_users": len(users),
        "n_items": store.n_items,
        "n_interactions": len(place),
    }
    return cast(SequenceStore, _Part(**values)), users


class _Part:
    """The attributes of a store that splits read."""

    def __init__(self, **values: Any) -> None:
        vars(self).update(values, whole=self)


def _at(values: np.ndarray | None, place: np.ndarray) -> np.ndarray | None:
    return None if values is None else values[place]


def _runs(which: np.ndarray, offset: np.ndarray) -> View:
    """Return the stretches of neighbouring marked events, each of one user."""
    first = np.zeros(len(which), dtype=bool)
    first[offset[:-1][offset[:-1] < len(which)]] = True
    before = np.concatenate([[False], which[:-1]])
    start = np.flatnonzero(which & (first | ~before))
    after_first = np.concatenate([first[1:], [True]])
    after = np.concatenate([which[1:], [False]])
    end = np.flatnonzero(which & (after_first | ~after)) + 1
    return View(np.searchsorted(offset, start, side="right") - 1, start, end)


def _pieces(view: View, size: int) -> View:
    """Cut stretches into pieces of at most `size` events."""
    count = -(-(view.end - view.start) // size)
    number = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
    start = np.repeat(view.start, count) + number * size
    end = np.minimum(start + size, np.repeat(view.end, count))
    return View(np.repeat(view.user, count), start, end)


def _joined(a: View, b: View) -> View:
    """Return the stretches of both in the order of the store."""
    order = np.argsort(np.concatenate([a.start, b.start]), kind="stable")
    pairs = ((a.user, b.user), (a.start, b.start), (a.end, b.end))
    return View(*(np.concatenate(pair)[order] for pair in pairs))


def _size(view: View) -> int:
    return int((view.end - view.start).sum())
