"""Test users of a run's data, drawn by chance."""

import numpy as np
import torch

from seqrec.batches import EvalBatches
from seqrec.columns import Columns
from seqrec.config.make import make
from seqrec.errors import DataError, RunError
from seqrec.recommend import Recommender
from seqrec.recommend.data import store_of_run
from seqrec.shapes import EvalBatch
from seqrec.store.store import SequenceStore


def data_of(recommender: Recommender) -> SequenceStore:
    """Return the data of a run.

    Raises:
        DataError: it can no longer be read.
        RunError: it has changed.
    """
    try:
        return store_of_run(recommender.config, recommender.data_hash)
    except RunError as error:  # items= would be no way out
        todo = "restore the run's data, or use a new run"
        raise RunError(error.what, where=error.where, todo=todo) from error


def draw(recommender: Recommender, store: SequenceStore, users: int, seed: int) -> EvalBatch:
    """Return histories of two events or more, each with the event that follows; fewer if need be.

    Args:
        recommender: the run.
        store: its data.
        users: their number.
        seed: of the draw.

    Raises:
        DataError: no history has two events.
    """
    view = make(recommender.config.split)(store).test
    [long] = np.nonzero(view.end - view.start >= 2)
    if not len(long):
        raise DataError(
            f"no test history of {store.name} has two events, so none can be compared",
            todo="use a run of data with longer histories",
        )
    rows = np.random.default_rng(seed).permutation(long)[:users]
    wanted = recommender.model.wanted
    [batch] = EvalBatches(
        columns=Columns(store, torch.device("cpu"), ratings=False, events=wanted),
        view=view.take(np.sort(rows)),
        max_length=recommender.config.max_length,
        size=len(rows),
    )
    return batch
