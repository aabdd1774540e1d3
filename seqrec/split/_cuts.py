"""Cuts in time that hold for everybody: what lies before and between them."""

from typing import Literal

import numpy as np

from seqrec.errors import ConfigError, DataError
from seqrec.store.store import SequenceStore
from seqrec.store.views import Splits, View, assemble

Which = Literal["first", "last", "all"]
NewItems = Literal["drop", "keep", "rank"]


def times_of(store: SequenceStore) -> np.ndarray:
    """The timestamps of a store.

    Raises:
        DataError: it has none.
    """
    if store.timestamp is None:
        raise DataError(
            f"{store.name} has no timestamps to cut at",
            where="split",
            todo="split=leave_one_out, or name the time column with data.timestamp",
        )
    return store.timestamp


def check_shares(**shares: float) -> None:
    """Refuse shares that aren't such, or leave nothing.

    Raises:
        ConfigError: it names the key.
    """
    for name, share in shares.items():
        if not 0 < share < 1 or sum(shares.values()) >= 1:
            raise ConfigError(
                f"{name}={share:g}: shares lie between 0 and 1 and leave some for training",
                where=f"split.{name}",
            )


def cut_at(
    store: SequenceStore,
    *,
    valid_cut: int,
    test_cut: int,
    end: int | None,
    targets: Which,
    new_items: NewItems,
    protocol: str,
    todo: str,
) -> Splits:
    """Train on what was before the validation cut, judge by what came between the cuts and after.

    Args:
        store: with timestamps.
        valid_cut, test_cut: milliseconds; an event at a cut falls after it.
        end: no event from this time on is looked at; None: all are.
        targets: which of a user's events between two cuts are targets. The history of a target is
            everything of its user before it, and isn't empty.
        new_items: what becomes of a target without a training event: ``drop`` it, ``keep`` it as a
            miss, as it can't be ranked, or ``rank`` all items of the catalogue, new ones too.
        protocol, todo: see :func:`~seqrec.store.views.assemble`.

    Raises:
        DataError: a part is empty.
    """
    timestamp = times_of(store)
    start = np.asarray(store.offset[:-1])
    valid_at, test_at = (start + count_before(store, cut) for cut in (valid_cut, test_cut))
    last = np.asarray(store.offset[1:]) if end is None else start + count_before(store, end)
    candidate_V = np.zeros(store.n_items + 1, dtype=bool)
    candidate_V[store.item[timestamp < valid_cut]] = True
    candidate_V[0] = False
    return assemble(
        store,
        train=View(np.arange(store.n_users, dtype=np.int64), start, valid_at),
        valid=chosen(start, valid_at, test_at, targets),
        test=chosen(start, test_at, last, targets),
        candidate_V=None if new_items == "rank" else candidate_V,
        keep_cold=new_items == "keep",
        cut=valid_cut,
        protocol=protocol,
        todo=todo,
    )


def chosen(start: np.ndarray, first: np.ndarray, last: np.ndarray, targets: Which) -> View:
    """Targets among the events ``first .. last - 1`` of each sequence, with their histories.

    Args:
        start: where each sequence begins: histories do; a target there has none and is left out.
        first, last: int64, by sequence.
        targets: see :func:`cut_at`.
    """
    user = np.arange(len(start), dtype=np.int64)
    if targets == "first":
        return View(user, start, first).take((start < first) & (first < last))
    first = np.maximum(first, start + 1)
    if targets == "last":
        return View(user, start, last - 1).take(first < last)
    length = np.maximum(last - first, 0)
    target = np.arange(length.sum()) + np.repeat(first - (np.cumsum(length) - length), length)
    return View(np.repeat(user, length), np.repeat(start, length), target)


def count_before(store: SequenceStore, cut: int) -> np.ndarray:
    """Events of each sequence before `cut`, int64."""
    running = np.concatenate([[0], np.cumsum(times_of(store) < cut)])
    return running[store.offset[1:]] - running[store.offset[:-1]]


def quantiles(timestamp: np.ndarray, shares: list[float]) -> list[int]:
    """The times that have these shares of all events before them."""
    n = len(timestamp)
    places = [min(int(n * share), n - 1) for share in shares]
    part = np.partition(timestamp, sorted(set(places)))
    return [int(part[place]) for place in places]


def options_shown(**options: object) -> str:
    """Options that aren't the usual ones, as a protocol shows them."""
    usual = {"targets": "first", "new_items": "drop"}
    return "".join(f", {key}={value}" for key, value in options.items() if usual.get(key) != value)
