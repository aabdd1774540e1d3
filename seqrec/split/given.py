"""The parts of a published split: files for training, validation and test."""

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from seqrec.errors import DataError
from seqrec.split._cuts import chosen
from seqrec.store.peers import added
from seqrec.store.sort import lexsort
from seqrec.store.store import SequenceStore
from seqrec.store.views import Splits, View, assemble, candidates

TRAIN, VALID, TEST = 0, 1, 2


@dataclass(frozen=True, kw_only=True)
class Given:
    """Train, validate and test on the events of the files of these parts.

    The history of a target is everything of its user in earlier parts, and before it in its own;
    it isn't empty. Without a validation part, the last training event of each user with three or
    more validates. ``prepare.k_core`` and the other minima look at the training part alone.

    Args:
        targets: which events of a user in a part are targets: ``all``, the ``first`` (of users
            with earlier parts) or the ``last``.
        new_items: targets whose item has no training event; see
            :class:`~seqrec.split.temporal.Temporal`.
    """

    takes_parts: ClassVar[bool] = True
    takes_shares: ClassVar[bool] = True

    targets: Literal["first", "last", "all"] = "all"
    new_items: Literal["drop", "keep", "rank"] = "drop"

    def __call__(self, store: SequenceStore) -> Splits:
        """Split `store`; raise a DataError if it has no parts, or one is empty."""
        if store.part is None:
            raise DataError(
                f"{store.name} has no parts that were given",
                where="split=given",
                todo="name the files with data.path, data.valid_path and data.test_path, or choose "
                "another split",
            )
        start, end = np.asarray(store.offset[:-1]), np.asarray(store.offset[1:])
        part = np.asarray(store.part)
        train_end, valid_end = (end - _count(part > last, start, end) for last in (TRAIN, VALID))
        test_at = valid_end
        if not any(store.peers.gather(bool((part == VALID).any()))):
            train_end = train_end - (train_end - start >= 3)
        train = View(np.arange(store.n_users, dtype=np.int64), start, train_end)
        candidate_V = candidates(store, train.positions())
        splits = assemble(
            store,
            train=train,
            valid=chosen(start, train_end, valid_end, self.targets),
            test=chosen(start, test_at, end, self.targets),
            candidate_V=None if self.new_items == "rank" else candidate_V,
            keep_cold=self.new_items == "keep",
            protocol=f"given(targets={self.targets}, new_items={self.new_items})",
            todo="check the files of the parts: a target needs an event of its user before it, and "
            "an item that is trained on (else split.new_items=keep counts it as a miss)",
        )
        splits.report.update(added(store.peers, _leaks(store, part, start, train_end)))
        return splits


def _count(which: np.ndarray, start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Count the marked events of each sequence."""
    running = np.concatenate([[0], np.cumsum(which)])
    return running[end] - running[start]


def _leaks(
    store: SequenceStore, part: np.ndarray, start: np.ndarray, train_end: np.ndarray
) -> dict[str, int]:
    """Count the events of later parts that are in an earlier one, or before its training events."""
    if store.timestamp is None:
        return {}
    user = np.repeat(np.arange(store.n_users), np.diff(store.offset))
    time = np.asarray(store.timestamp)
    columns = (np.asarray(store.item), time, user)
    order = lexsort(part, *columns)
    same = np.logical_and.reduce([values[order][1:] == values[order][:-1] for values in columns])
    trains = train_end > start
    latest = np.where(trains, time[np.maximum(train_end, 1) - 1], np.iinfo(np.int64).min)
    return {
        "in_two_parts": int((same & (part[order][1:] > part[order][:-1])).sum()),
        "before_training": int(((part > TRAIN) & (time < latest[user])).sum()),
    }
