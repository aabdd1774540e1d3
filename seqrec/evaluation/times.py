"""When the parts of a split were, and which of them overlap in time."""

from typing import Any

import numpy as np

from seqrec.clock import iso_time
from seqrec.evaluation.ties import same_time
from seqrec.store.files import Values
from seqrec.store.peers import Peers, added
from seqrec.store.store import SequenceStore
from seqrec.store.views import Splits


def times_of_parts(store: SequenceStore, splits: Splits, timestamp: Values) -> dict[str, Any]:
    """Return the entries of the protocol card that are about times.

    Args:
        store: the data, or a share of it: then all processes look at their own.
        splits: its parts.
        timestamp: of its events.
    """
    peers, train = store.peers, np.sort(timestamp[splits.train.positions()])
    target = np.sort(np.concatenate(peers.gather(np.asarray(timestamp[splits.test.end]))))
    same = same_time(store, timestamp)
    tied = np.concatenate([[False], same]) | np.concatenate([same, [False]])
    before = np.searchsorted(train, target, side="right")  # of each target, those until then
    own = {
        "after_first": len(train) - int(before[0]),
        "after_any": len(train) * len(target) - int(before.sum()),  # pairs of events
        "tied": int(tied.sum()),
    }
    found, events = added(peers, own), int(splits.report["train_events"])
    valid = np.asarray(timestamp[splits.valid.end])
    return {
        "times": {
            "train": _range(train, peers),
            "valid targets": _range(valid, peers),
            "test targets": _range(target, peers),
        },
        "train_after_first_test": found["after_first"] / events,
        "train_after_a_test": found["after_any"] / len(target) / events,
        "tied": found["tied"] / store.whole.n_interactions,
    }


def _range(times: np.ndarray, peers: Peers) -> list[str]:
    """Return the first and last of the times of all processes, of which some may have none."""
    ends = (int(times.min()), int(times.max())) if len(times) else None
    parts = [part for part in peers.gather(ends) if part is not None]
    return [iso_time(min(first for first, _ in parts)), iso_time(max(last for _, last in parts))]
