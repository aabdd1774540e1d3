"""Parts of a store for training and evaluation, as positions into its arrays: never copies."""

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from seqrec.errors import DataError
from seqrec.store.store import SequenceStore


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
        """Entries by mask or position."""
        return View(self.user[which], self.start[which], self.end[which])


@dataclass(frozen=True)
class Splits:
    """What to learn from and what to be judged on.

    Args:
        train: sequences of at least 2 events.
        valid, test: histories of at least 1 event, each followed by its target.
        candidates: bool (n_items + 1,), the items that may be ranked; None: all but the padding.
        protocol: says how the data was split, with its settings.
        report: counts: ``train_sequences``, ``train_events``, and for valid and test
            ``*_targets``, ``*_cold_targets`` (excluded: the item isn't a candidate) and
            ``*_repeats`` (share of targets that are in their own history).
    """

    train: View
    valid: View
    test: View
    candidates: np.ndarray | None
    protocol: str
    report: dict[str, int | float] = field(default_factory=dict)


class Split(Protocol):
    """A way to split."""

    def __call__(self, store: SequenceStore) -> Splits:
        """Split `store`; a DataError if a part would be empty or a needed column is missing."""
        ...


def assemble(
    store: SequenceStore,
    *,
    train: View,
    valid: View,
    test: View,
    candidates: np.ndarray | None,
    protocol: str,
    todo: str,
) -> Splits:
    """Drop sequences that teach nothing and targets that can't be ranked, and count.

    Args:
        store: the data.
        train, valid, test, candidates, protocol: see :class:`Splits`; unfiltered.
        todo: what the user can do when a part is empty.

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
        warm = view if candidates is None else view.take(candidates[store.item[view.end]])
        judged[part] = warm
        report[f"{part}_targets"] = len(warm)
        report[f"{part}_cold_targets"] = len(view) - len(warm)
        report[f"{part}_repeats"] = _repeats(store, warm)
    parts = {"training": train, "validation": judged["valid"], "test": judged["test"]}
    for part, view in parts.items():
        if not len(view):
            raise DataError(
                f"{protocol} leaves no {part} sequences of {store.name}: there are "
                f"{store.n_users:,} users with {store.n_interactions:,} interactions",
                where="split",
                todo=todo,
            )
    return Splits(train, judged["valid"], judged["test"], candidates, protocol, report)


def _repeats(store: SequenceStore, view: View) -> float:
    """Share of targets that occur in their own history."""
    length = view.end - view.start
    if not len(view):
        return 0.0
    first = np.cumsum(length) - length
    position = np.arange(length.sum()) + np.repeat(view.start - first, length)
    same = store.item[position] == np.repeat(store.item[view.end], length)
    return float(np.logical_or.reduceat(same, first).mean())
