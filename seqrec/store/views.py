"""Parts of a store for training and evaluation, as positions into its arrays: never copies."""

from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np

from seqrec.errors import DataError
from seqrec.store.files import Values
from seqrec.store.peers import added
from seqrec.store.sort import lexsort
from seqrec.store.steps import costliest
from seqrec.store.store import SequenceStore

MAX_AT_ONCE = 1 << 22  # events that are compared at once


@dataclass(frozen=True)
class View:
    """Stretches of a store's sequences.

    Args:
        user: int64 (E,), user index in the store.
        start, end: int64 (E,). The history is ``store.item[start:end]``; in evaluation
            ``store.item[end]`` is the item that follows.
    """

    user: np.ndarray
    start: np.ndarray
    end: np.ndarray

    def __len__(self) -> int:
        return len(self.user)

    def take(self, which: np.ndarray) -> "View":
        """Select entries by mask or position."""
        return View(self.user[which], self.start[which], self.end[which])

    def within(self, share: SequenceStore) -> tuple[np.ndarray, "View"]:
        """Return which entries are of a share's users, by place, and these as a view of it."""
        if share.whole is share:
            return np.arange(len(self)), self
        user, first = self.user - share.first_user, share.first_event
        place = np.flatnonzero((user >= 0) & (user < share.n_users))
        return place, View(user[place], self.start[place] - first, self.end[place] - first)

    def positions(self) -> np.ndarray:
        """Return the store positions, int64, of the events of all stretches, one after another."""
        length = self.end - self.start
        before = np.cumsum(length) - length
        return np.arange(length.sum()) + np.repeat(self.start - before, length)

    def items_once(self, item: Values) -> tuple[np.ndarray, np.ndarray]:
        """Return events that hold all items of each stretch.

        These are all events if no two stretches begin together, or if some overlap otherwise. Else
        they are the first event of each item, so that the many histories of one long sequence don't
        grow with its square.

        Args:
            item: items of all events in the store.

        Returns:
            int64: the stretch of each event, and its position in the store.
        """
        whole = self.sequences()
        if (whole.end[:-1] > whole.start[1:]).any():
            return np.repeat(np.arange(len(self)), self.end - self.start), self.positions()
        position = whole.positions() if len(whole) == len(self) else whole.first_uses(item)
        first, last = np.searchsorted(position, self.start), np.searchsorted(position, self.end)
        index = View(self.user, first, last).positions()
        return np.repeat(np.arange(len(self)), last - first), position[index]

    def sequences(self) -> "View":
        """Return the longest of all stretches that begin together, ordered by where they begin."""
        start, which = np.unique(self.start, return_inverse=True)
        end = np.zeros_like(start)
        np.maximum.at(end, which, self.end)
        return View(start, start, end)

    def first_uses(self, item: Values) -> np.ndarray:
        """Return the positions, in order, of the first event of each item in each stretch."""
        position = self.positions()
        owner = np.repeat(np.arange(len(self)), self.end - self.start)
        chosen = item[position]
        if not len(position):
            return position
        order = lexsort(chosen, owner)
        new = np.ones(len(order), dtype=bool)
        new[1:] = (np.diff(chosen[order]) != 0) | (np.diff(owner[order]) != 0)
        return position[np.sort(order[new])]


@dataclass(frozen=True)
class Splits:
    """The sequences to train on and the targets to evaluate on.

    Args:
        train: sequences of at least 1 event. One of a single event counts wherever events are
            counted, but nothing follows it that a model of histories could learn.
        valid, test: histories of at least 1 event, each followed by its target.
        candidate_V: bool (n_items + 1,), the items that may be ranked, False for the padding; None:
            all items.
        protocol: describes how the data was split, with its settings.
        report: counts: ``train_sequences``, those of them with one event, ``train_single``, and
            ``train_events``; for valid and test ``*_targets``, ``*_cold_targets`` (left out: the
            item isn't a candidate) and ``*_repeats`` (share of targets that are in their own
            history); ``history_events``, which are in the history of a target only; and
            ``unused_events``, which are in no part. Events, targets and cold targets add up to the
            interactions of the store.
        cut: the time, in milliseconds, before which all training events lie; None: no such time.
        learned: what an update learns of the training events: every event of these stretches is a
            target, and all that its user did before is seen. None: all of `train`.
        notes: what people should know of this split, in sentences.
    """

    train: View
    valid: View
    test: View
    candidate_V: np.ndarray | None
    protocol: str
    report: dict[str, int | float] = field(default_factory=dict)
    cut: int | None = None
    learned: View | None = None
    notes: tuple[str, ...] = ()

    def within(self, share: SequenceStore) -> "Splits":
        """Return the stretches of a share's users as views of it; all else is that of the whole."""
        train, valid, test = (v.within(share)[1] for v in (self.train, self.valid, self.test))
        return replace(self, train=train, valid=valid, test=test)


class Split(Protocol):
    """A way to split a store into training, validation and test.

    With the class attribute ``takes_shares`` it is called in each of several processes with the
    share of that process. Views are of the share then; cuts, candidates and counts are those of
    all shares, which ``store.peers`` tells.
    """

    def __call__(self, store: SequenceStore) -> Splits:
        """Split `store`; raise a DataError if a part is empty or a needed column is missing."""
        ...


def assemble(
    store: SequenceStore,
    *,
    train: View,
    valid: View,
    test: View,
    candidate_V: np.ndarray | None,
    protocol: str,
    todo: str,
    cut: int | None = None,
    keep_cold: bool = False,
) -> Splits:
    """Drop empty sequences and targets that can't be ranked, and count where each event went.

    Args:
        store: the data.
        train, valid, test, candidate_V, protocol, cut: see :class:`Splits`; unfiltered.
        todo: what the user can do when a part is empty.
        keep_cold: keep targets that can't be ranked, as misses.

    Raises:
        DataError: a part is empty.
    """
    train = train.take(train.end > train.start)
    length = train.end - train.start
    counts = {
        "train_sequences": len(train),
        "train_single": int((length == 1).sum()),
        "train_events": int(length.sum()),
    }
    judged = {}
    for part, view in {"valid": valid, "test": test}.items():
        kept = view
        if candidate_V is not None and not keep_cold:
            kept = view.take(candidate_V[store.item[view.end]])
        judged[part] = kept
        counts[f"{part}_targets"] = len(kept)
        counts[f"{part}_cold_targets"] = len(view) - len(kept)
        counts[f"{part}_repeats"] = _repeats(store, kept)
    counts |= _elsewhere(store, train, valid, test)
    report: dict[str, int | float] = dict(added(store.peers, counts))
    for part in judged:
        report[f"{part}_repeats"] /= max(1, report[f"{part}_targets"])
    learned = report["train_sequences"] - report["train_single"]
    parts = {"training": learned, "validation": report["valid_targets"]}
    for part, number in (parts | {"test": report["test_targets"]}).items():
        if not number:
            whole = store.whole
            raise DataError(
                f"{protocol} leaves no {part} sequences of {store.name}, which has "
                f"{whole.n_users:,} users with {whole.n_interactions:,} interactions"
                + (f"; {lost}" if (lost := costliest(store.report["steps"], "users")) else ""),
                where="split",
                todo=todo,
            )
    return Splits(train, judged["valid"], judged["test"], candidate_V, protocol, report, cut)


def candidates(store: SequenceStore, trained: np.ndarray) -> np.ndarray:
    """Return which items have a training event, bool (n_items + 1,), those of all shares.

    Args:
        store: the data, or a share of it.
        trained: the training events, as positions or a mask.
    """
    own_V = np.zeros(store.n_items + 1, dtype=np.int32)
    own_V[store.item[trained]] = 1
    own_V[0] = 0
    return store.peers.add(own_V) > 0


def _elsewhere(store: SequenceStore, train: View, valid: View, test: View) -> dict[str, int]:
    """Count the events that are neither trained on nor a target, cold ones included."""
    reached = np.array(store.offset[:-1])  # where the part of each sequence that is used ends
    reached[train.user] = train.end
    for view in (valid, test):
        np.maximum.at(reached, view.user, view.end + 1)
    used = int((reached - store.offset[:-1]).sum())
    known = int((train.end - train.start).sum()) + len(valid) + len(test)
    return {"history_events": used - known, "unused_events": store.n_interactions - used}


def _repeats(store: SequenceStore, view: View) -> int:
    """Count the targets that occur in their own history."""
    whole, repeats = view.sequences(), 0
    if len(whole) < len(view):
        return _repeats_of_many(store, view, View(whole.user, whole.start, whole.end + 1))
    for part in _parts(view):
        some = view.take(part)
        length = some.end - some.start
        same = store.item[some.positions()] == np.repeat(store.item[some.end], length)
        repeats += int(np.logical_or.reduceat(same, np.cumsum(length) - length).sum())
    return repeats


def _repeats_of_many(store: SequenceStore, view: View, whole: View) -> int:
    """Return the same where sequences have several targets; `whole` has the last of each."""
    target, fresh = np.sort(view.end), 0
    for part in _parts(whole):
        some = whole.take(part)
        inside = slice(*np.searchsorted(target, [some.start[0], some.end[-1]]))
        fresh += int(np.isin(target[inside], some.first_uses(store.item)).sum())
    return len(view) - fresh


def _parts(view: View) -> list[np.ndarray]:
    """Return the stretches in parts of about `MAX_AT_ONCE` events each."""
    ends = np.cumsum(view.end - view.start)
    cuts = np.flatnonzero(np.diff(ends // MAX_AT_ONCE)) + 1
    return [part for part in np.split(np.arange(len(view)), cuts) if len(part)]
