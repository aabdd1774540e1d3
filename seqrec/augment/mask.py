"""Mask: some of the inputs hidden (Xie et al. 2022, CL4SRec)."""

from dataclasses import replace
from typing import ClassVar

from torch import Generator

from seqrec.augment._rows import check_share, valid
from seqrec.layers.draws import uniform
from seqrec.shapes import TrainBatch


class Mask:
    """Hide each input with probability `share`: the padding id, whose vector is zero, replaces it.

    The columns of a hidden event (its time, say) stay, and so do all targets. The paper hides
    exactly ``floor(share * length)`` inputs, which is none of a short row.

    Args:
        share: from 0 to 1.
    """

    bounds: ClassVar[dict[str, tuple[int, int]]] = {"share": (0, 1)}

    def __init__(self, *, share: float = 0.3) -> None:
        check_share(share)
        self.share = share

    def __call__(self, batch: TrainBatch, generator: Generator) -> TrainBatch:
        """Return a batch of the same shape."""
        hidden_BL = uniform(valid(batch), generator) < self.share
        item_BL = batch.history.item_BL.masked_fill(hidden_BL, 0)
        return replace(batch, history=replace(batch.history, item_BL=item_BL))
