"""Item dropout: some items unknown for a batch."""

from dataclasses import replace
from typing import ClassVar

import torch
from torch import Generator

from seqrec.augment._rows import check_share
from seqrec.shapes import TrainBatch


class ItemDropout:
    """Drop each item of the catalogue with probability `share`, wherever it is in the batch.

    The dropout of whole rows of a table (Gal and Ghahramani 2016, section 4.2; Merity et al. 2018,
    section 4.3), without their rescaling of the other rows: inputs of a dropped item have the
    vector of the padding id, zero, as an item that training never saw has later. Targets stay.

    Args:
        n_items: items without the padding id.
        share: from 0 to 1.
    """

    bounds: ClassVar[dict[str, tuple[int, int]]] = {"share": (0, 1)}

    def __init__(self, *, n_items: int, share: float = 0.1) -> None:
        check_share(share)
        self.n_items, self.share = n_items, share

    def __call__(self, batch: TrainBatch, generator: Generator) -> TrainBatch:
        """Return a batch of the same shape."""
        item_BL = batch.history.item_BL
        drawn_V = torch.rand(self.n_items + 1, generator=generator, device=item_BL.device)
        item_BL = item_BL.masked_fill((drawn_V < self.share)[item_BL], 0)
        return replace(batch, history=replace(batch.history, item_BL=item_BL))
