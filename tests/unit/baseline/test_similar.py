"""Items that share their users."""

import numpy as np
import torch

from seqrec.counts import training as counting
from seqrec.counts.similar import similar_items
from seqrec.counts.training import Training


def sequences(*rows: list[int], n_items: int = 5) -> Training:
    offset = np.cumsum([0, *map(len, rows)])
    tie_V = np.arange(n_items + 1)
    return Training(np.concatenate(rows).astype(np.int64), offset, None, n_items, tie_V)


def test_close_items_are_those_of_the_largest_cosine():
    training = sequences([1, 2, 2, 3], [1, 2], [3, 4], [3, 1])
    # users: 1 three, 2 two, 3 three, 4 one. Of 1: 2 / sqrt(6) with 2, 2 / 3 with 3
    assert similar_items(training, 3).tolist() == [
        [0, 0, 0], [2, 3, 0], [1, 3, 0], [1, 4, 2], [3, 0, 0], [0, 0, 0],
    ]  # fmt: skip


def test_of_equally_close_items_the_tie_decides_and_no_chunk_does(monkeypatch):
    training = sequences([1, 2], [1, 3], [1, 4])
    assert similar_items(training, 2)[1].tolist() == [4, 3]
    rng = np.random.default_rng(0)
    large = sequences(*(rng.integers(1, 30, 12).tolist() for _ in range(40)), n_items=30)
    whole = similar_items(large, 4)
    monkeypatch.setattr(counting, "CELLS", 31 * 7)
    assert torch.equal(similar_items(large, 4), whole)
