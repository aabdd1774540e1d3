"""What the lists of a horizon are judged by: the next n events of each user after a cut in time."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seqrec.errors import ConfigError
from seqrec.store.store import SequenceStore
from seqrec.store.views import Splits, View


@dataclass(frozen=True)
class NextEvents:
    """The first held-out moment of each user, and what followed.

    Args:
        view: a history for each of R users: all events before the first test target.
        item_RH: int64, the items of the next H events, from that target on; 0 where the user has no
            more, where the item came before among them, and where training never saw it.
        left_out: events of the horizon that are left out for one of the last two reasons.
    """

    view: View
    item_RH: NDArray[np.int64]
    left_out: int

    def __len__(self) -> int:
        """Return the number of users R."""
        return len(self.item_RH)


def next_events(store: SequenceStore, splits: Splits, horizon: int) -> NextEvents:
    """Find each user's first test target and the events that follow it.

    Args:
        store: the data.
        splits: cut in time, so that no training event lies in a horizon.
        horizon: events that count, H.

    Raises:
        ConfigError: the split doesn't cut in time, or nobody has a second event.
    """
    if splits.cut is None:
        raise ConfigError(
            f"{splits.protocol} holds out single events, and training may know what follows them",
            where="horizon",
            todo="train a run with split=temporal, which holds out all events after a time",
        )
    test = splits.test
    order = np.lexsort((test.end, test.user))
    first = order[np.unique(test.user[order], return_index=True)[1]]
    view = test.take(first)
    index_RH = view.end[:, None] + np.arange(horizon)
    there_RH = index_RH < np.asarray(store.offset)[view.user + 1][:, None]
    item_RH = np.where(
        there_RH, store.item[np.minimum(index_RH, store.n_interactions - 1)], 0
    ).astype(np.int64)
    if horizon > 1 and not (item_RH[:, 1:] > 0).any():
        raise ConfigError(
            f"{splits.protocol} leaves no user a second event to look ahead to",
            where="horizon",
            todo="train a run with split.targets=first and an earlier split.test_from",
        )
    kept_RH = there_RH & ~_again(item_RH)
    if splits.candidate_V is not None:
        kept_RH &= splits.candidate_V[item_RH]
    left_out = int((there_RH & ~kept_RH).sum())
    return NextEvents(view, np.where(kept_RH, item_RH, 0), left_out)


def _again(item_RH: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return which items stand further left in their row, too."""
    order_RH = np.argsort(item_RH, axis=1, kind="stable")
    sorted_RH = np.take_along_axis(item_RH, order_RH, 1)
    same_RH = np.zeros(item_RH.shape, dtype=bool)
    same_RH[:, 1:] = sorted_RH[:, 1:] == sorted_RH[:, :-1]
    again_RH = np.empty_like(same_RH)
    np.put_along_axis(again_RH, order_RH, same_RH, 1)
    return again_RH
