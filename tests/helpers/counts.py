"""Baselines counted on a few sequences."""

import numpy as np
import torch
from torch import Tensor

from helpers.components import ITEMS, LENGTH, component
from seqrec.counts.training import Training


def sequences(count: int = 30, *, seed: int = 0) -> list[list[int]]:
    """Sequences of 2 to 8 items, some far more popular than others."""
    rng = np.random.default_rng(seed)
    weight = 1 / np.arange(1, ITEMS + 1)
    return [
        rng.choice(ITEMS, rng.integers(2, 9), p=weight / weight.sum()).__add__(1).tolist()
        for _ in range(count)
    ]


def training(rows: list[list[int]], *, timed: bool = True) -> Training:
    """The sequences as training events."""
    item = np.concatenate(rows).astype(np.int64)
    offset = np.concatenate([[0], np.cumsum([len(row) for row in rows])])
    timestamp = np.arange(len(item)) if timed else None
    return Training(item, offset, timestamp, ITEMS, np.arange(ITEMS + 1))


def counted(name: str, rows: list[list[int]], **changes):
    """The baseline of ``configs/baseline/<name>.yaml``, counted."""
    baseline = component("baseline", name, **changes)
    baseline.count(training(rows), lambda option: 0.0)
    return baseline


def histories() -> tuple[Tensor, Tensor]:
    """``item_BL, length_B`` of three."""
    rows = [[3, 1, 3, 2], [5], [ITEMS, 4, 4]]
    item_BL = torch.zeros(len(rows), LENGTH, dtype=torch.int64)
    for at, row in enumerate(rows):
        item_BL[at, : len(row)] = torch.tensor(row)
    return item_BL, torch.tensor([len(row) for row in rows])


def scores(baseline, item_BL: Tensor, length_B: Tensor) -> Tensor:
    """All scores, (B, V)."""
    query = baseline.query(item_BL, length_B)
    return baseline.table.block(query, 0, ITEMS + 1)
