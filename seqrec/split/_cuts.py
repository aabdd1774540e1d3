"""Global cuts in time, and the events before and between them."""

from typing import Literal

import numpy as np

from seqrec.errors import ConfigError, DataError
from seqrec.store.peers import ALONE, Peers
from seqrec.store.store import SequenceStore
from seqrec.store.views import Splits, View, assemble, candidates

Which = Literal["first", "last", "all"]
NewItems = Literal["drop", "keep", "rank"]
RANGES = 1 << 16  # that numbers are counted in at once


def times_of(store: SequenceStore) -> np.ndarray:
    """Return the timestamps of a store.

    Raises:
        DataError: it has none.
    """
    if store.timestamp is None:
        raise DataError(
            f"the split needs timestamps, which {store.name} lacks",
            where="split",
            todo="set split=leave_one_out, or read a file with times (data=files data.timestamp=)",
        )
    return np.asarray(store.timestamp)


def check_shares(**shares: float) -> None:
    """Check that shares lie between 0 and 1 and leave some for training.

    Raises:
        ConfigError: one doesn't; the message names its key.
    """
    for name, share in shares.items():
        if not 0 < share < 1 or sum(shares.values()) >= 1:
            raise ConfigError(
                f"{name}={share:g}: shares must lie between 0 and 1 and leave some for training",
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
    """Train on events before the validation cut, evaluate on those between the cuts and after.

    Args:
        store: with timestamps.
        valid_cut, test_cut: milliseconds; an event at a cut falls after it.
        end: events from this time on are ignored; None: no end.
        targets: which of a user's events between two cuts are targets. The history of a target is
            everything of its user before it, and isn't empty.
        new_items: what to do with targets without a training event: ``drop`` them, ``keep`` them
            as misses, or ``rank`` all items of the catalogue, new ones too.
        protocol, todo: see :func:`~seqrec.store.views.assemble`.

    Raises:
        DataError: a part is empty.
    """
    timestamp = times_of(store)
    start = np.asarray(store.offset[:-1])
    valid_at, test_at = (start + count_before(store, cut) for cut in (valid_cut, test_cut))
    last = np.asarray(store.offset[1:]) if end is None else start + count_before(store, end)
    candidate_V = candidates(store, timestamp < valid_cut)
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
    """Select targets among events ``first .. last - 1`` of each sequence, with their histories.

    Args:
        start: where each sequence begins, and its histories; a target there is left out.
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
    """Count the events of each sequence before `cut`, int64."""
    running = np.concatenate([[0], np.cumsum(times_of(store) < cut)])
    return running[store.offset[1:]] - running[store.offset[:-1]]


def quantiles(timestamp: np.ndarray, shares: list[float], peers: Peers = ALONE) -> list[int]:
    """Return the times that have these shares of all events before them, those of peers too."""
    n = sum(peers.gather(len(timestamp)))
    return [smallest(timestamp, min(int(n * share), n - 1), peers) for share in shares]


def smallest(values: np.ndarray, rank: int, peers: Peers) -> int:
    """Return the whole number that has `rank` others before it in order, those of peers too.

    Numbers are counted in ranges, then those within the range of the wanted one, and so on.

    Args:
        values: int64, those of this process; there may be none.
        rank: from 0; less than the number of all values.
        peers: who has the others.
    """
    parts = peers.gather((values.min(), values.max()) if len(values) else None)
    low, high = min(p[0] for p in parts if p), max(p[1] for p in parts if p)
    low, high = int(low), int(high)
    while low < high:
        width = (high - low) // RANGES + 1
        values = values[(values >= low) & (values <= high)]
        end = np.cumsum(peers.add(np.bincount((values - low) // width, minlength=RANGES)))
        at = int(np.searchsorted(end, rank, side="right"))
        rank -= int(end[at - 1]) if at else 0
        low, high = low + at * width, min(high, low + (at + 1) * width - 1)
    return low


def options_shown(**options: object) -> str:
    """Format the options that differ from their defaults, for a protocol."""
    usual = {"targets": "first", "new_items": "drop"}
    return "".join(f", {key}={value}" for key, value in options.items() if usual.get(key) != value)
