"""Crop: a stretch of each row (Xie et al. 2022, CL4SRec)."""

from typing import ClassVar

import torch
from torch import Generator

from seqrec.augment._rows import check_share, gathered, uniform_rows
from seqrec.shapes import TrainBatch


class Crop:
    """Keep a stretch of each row, drawn anew for every batch; at least one target is left.

    Args:
        keep: share of a row's inputs that is kept, rounded up; more than 0, at most 1.
    """

    bounds: ClassVar[dict[str, tuple[int, int]]] = {"keep": (0, 1)}

    def __init__(self, *, keep: float = 0.6) -> None:
        check_share(keep, "keep")
        if keep == 0:
            raise ValueError("augment: keep=0 leaves nothing of a row; use more than 0")
        self.keep = keep

    def __call__(self, batch: TrainBatch, generator: Generator) -> TrainBatch:
        """Return shorter rows with the targets that they had."""
        length_B = batch.history.length_B
        size_B = (length_B * self.keep).ceil().long()
        lowest_B = (batch.prefix_B + 1 - size_B).clamp(min=0)  # else all that is learned is cut off
        places_B = length_B - size_B - lowest_B + 1
        first_B = lowest_B + (uniform_rows(batch, generator) * places_B).long()
        position_L = torch.arange(int(size_B.max()), device=length_B.device)
        return gathered(batch, first_B[:, None] + position_L, size_B)
