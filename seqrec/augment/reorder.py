"""Reorder: a stretch of each row shuffled (Xie et al. 2022, CL4SRec)."""

from typing import ClassVar

import torch
from torch import Generator

from seqrec.augment._rows import check_share, gathered, uniform_rows, valid
from seqrec.layers.draws import uniform
from seqrec.shapes import TrainBatch


class Reorder:
    """Shuffle a stretch of each row, drawn anew for every batch.

    Inside the stretch an event may stand behind one that followed it. A position's target is
    therefore the successor of the newest event up to there: were it that of the latest one, the
    model would have seen it.

    Args:
        share: share of a row's inputs that is shuffled, rounded down; from 0 to 1.
    """

    bounds: ClassVar[dict[str, tuple[int, int]]] = {"share": (0, 1)}

    def __init__(self, *, share: float = 0.6) -> None:
        check_share(share)
        self.share = share

    def __call__(self, batch: TrainBatch, generator: Generator) -> TrainBatch:
        """Return a batch of the same shape."""
        length_B, valid_BL = batch.history.length_B, valid(batch)
        size_B = (length_B * self.share).floor()
        first_B = (uniform_rows(batch, generator) * (length_B - size_B + 1)).floor()
        first_B1, end_B1 = first_B[:, None], (first_B + size_B)[:, None]
        place_BL = torch.arange(valid_BL.shape[1], device=length_B.device).expand_as(valid_BL)
        inside_BL = (place_BL >= first_B1) & (place_BL < end_B1)
        drawn_BL = first_B1 + size_B[:, None] * uniform(valid_BL, generator)
        place_BL = torch.where(inside_BL, drawn_BL, place_BL.float())
        return gathered(batch, place_BL.argsort(dim=1, stable=True), length_B)
