"""Parts of a store for training and evaluation, as positions into its arrays: never copies."""

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from seqrec.errors import DataError
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

    def positions(self) -> np.ndarray:
        """Return the store positions, int64, of the events of all stretches, one after another."""
        length = self.end - self.start
        before = np.cumsum(length) - length
        return np.arange(length.sum()) + np.repeat(self.start - before, length)


@dataclass(frozen=True)
class Splits:
    """The sequences to train on and the targets to evaluate on.

    Args:
        train: sequences of at least 2 events.
        valid, test: histories of at least 1 event, each followed by its target.
        candidate_V: bool (n_items + 1,), the items that may be ranked, False for the padding; None:
            all items.
        protocol: describes how the data was split, with its settings.
        report: counts: ``train_sequences``, ``train_events``, and for valid and test
            ``*_targets``, ``*_cold_targets`` (left out: the item isn't a candidate) and
            ``*_repeats`` (share of targets that are in their own history).
        cut: the time, in milliseconds, before which all training events lie; None: no such time.
    """

    train: View
    valid: View
    test: View
    candidate_V: np.ndarray | None
    protocol: str
    report: dict[str, int | float] = field(default_factory=dict)
    cut: int | None = None


class Split(Protocol):
    """A way to split a store into training, validation and test."""

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
    """Drop sequences too short to train on and targets that can't be ranked, and count.

    Args:
        store: the data.
        train, valid, test, candidate_V, protocol, cut: see :class:`Splits`; unfiltered.
        todo: what the user can do when a part is empty.
        keep_cold: keep targets that can't be ranked, as misses.

    Raises:
        DataError: a part is empty.
    """
    train = train.take(train.end - train.start >= 2)
    report: dict[str, int | float] = {
        "train_sequences": len(train),
        "train_events": int((train.end - train.start).sum()),
    }
    judged = {}
    for part, view in {"valid": valid, "test": test}.items():
        kept = view
        if candidate_V is not None and not keep_cold:
            kept = view.take(candidate_V[store.item[view.end]])
        judged[part] = kept
        report[f"{part}_targets"] = len(kept)
        report[f"{part}_cold_targets"] = len(view) - len(kept)
        report[f"{part}_repeats"] = _repeats(store, kept)
    parts = {"training": train, "validation": judged["valid"], "test": judged["test"]}
    for part, view in parts.items():
        if not len(view):
            raise DataError(
                f"{protocol} leaves no {part} sequences of {store.name}, which has "
                f"{store.n_users:,} users with {store.n_interactions:,} interactions"
                + (f"; {lost}" if (lost := costliest(store.report["steps"], "users")) else ""),
                where="split",
                todo=todo,
            )
    return Splits(train, judged["valid"], judged["test"], candidate_V, protocol, report, cut)


def _repeats(store: SequenceStore, view: View) -> float:
    """Return the share of targets that occur in their own history."""
    repeats, ends = 0, np.cumsum(view.end - view.start)
    for part in np.split(np.arange(len(view)), _even(ends)):
        some = view.take(part)
        length = some.end - some.start
        if len(some):
            same = store.item[some.positions()] == np.repeat(store.item[some.end], length)
            repeats += int(np.logical_or.reduceat(same, np.cumsum(length) - length).sum())
    return repeats / len(view) if len(view) else 0.0


def _even(ends: np.ndarray) -> np.ndarray:
    """Return where to cut rows so that each part has about `MAX_AT_ONCE` events."""
    return np.flatnonzero(np.diff(ends // MAX_AT_ONCE)) + 1
