"""Events of one user and time: how many they are, and what orders them."""

import numpy as np

from seqrec.config.schema import Ties
from seqrec.store.files import Values
from seqrec.store.peers import added
from seqrec.store.store import SequenceStore

FEWEST, ORDERED = 30, 0.9  # pairs of one time, and the share of them that says they go by ids


def same_time(store: SequenceStore, timestamp: Values) -> np.ndarray:
    """Return whether each event but the last is of the time and user of the next one."""
    same = np.asarray(timestamp[1:] == timestamp[:-1])
    same[np.asarray(store.offset[1:-1]) - 1] = False  # the next event is another user's
    return same


def told(store: SequenceStore, timestamp: Values, ties: Ties) -> list[str]:
    """Say how events of one time are ordered, if it isn't by anything that happened."""
    same = same_time(store, timestamp)
    first, second = store.item[:-1][same], store.item[1:][same]
    place_V = np.concatenate([[0], store.items()["item"].rank("ordinal").to_numpy()])
    rising = (place_V[second] > place_V[first])[second != first]
    own = {"same": int(same.sum()), "differ": len(rising), "rise": int(rising.sum())}
    found = added(store.peers, own)
    of_one_time = f"{found['same'] / (store.whole.n_interactions - 1):.2%} of neighbouring events"
    if ties is Ties.shuffle:
        return [f"{of_one_time} are of one time: shuffled"]
    share = found["rise"] / found["differ"] if found["differ"] else 0.5
    if found["differ"] < FEWEST or 1 - ORDERED < share < ORDERED:
        return []
    return [
        f"{of_one_time} are of one time, and the ids of "
        f"{max(share, 1 - share):.2%} of these {'rise' if share > 0.5 else 'fall'}: what "
        "follows them is the order of ids and nothing that a user did; prepare.ties=shuffle gives "
        "the figure without it"
    ]
