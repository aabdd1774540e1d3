"""Export of a run's training events to a file that any library can read."""

import numpy as np
import polars as pl

from seqrec.benchmark.setup import assembled, composed
from seqrec.store.store import SequenceStore
from seqrec.store.views import View


def write_events(overrides: list[str], path: str, held_out: bool) -> dict[str, int]:
    """Write the events of a run's data as CSV with the columns user, item and time.

    Users and items are the indices of the store; time is an event's position in its user's history,
    so that the order is kept where times tie or are missing.

    Args:
        overrides: overrides of ``train.py``.
        path: the file.
        held_out: also write validation and test events, for a library with its own split.

    Returns:
        ``users``, ``items`` and ``events`` in the file.
    """
    module = assembled(composed(overrides))
    store, train = module.store, module.splits.train
    if held_out:
        user = np.arange(store.n_users)
        train = View(user, np.asarray(store.offset[:-1]), np.asarray(store.offset[1:]))
    frame = _frame(store, train)
    frame.write_csv(path)
    return {
        "users": frame["user"].n_unique(),
        "items": frame["item"].n_unique(),
        "events": len(frame),
    }


def _frame(store: SequenceStore, view: View) -> pl.DataFrame:
    length = view.end - view.start
    time = np.arange(length.sum()) - np.repeat(np.cumsum(length) - length, length)
    return pl.DataFrame(
        {
            "user": np.repeat(view.user, length),
            "item": store.item[np.repeat(view.start, length) + time],
            "time": time,
        }
    )
