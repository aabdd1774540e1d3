"""Negatives drawn uniformly from the catalogue."""

import math
from typing import ClassVar

import torch
from torch import Tensor

from seqrec.negatives._keep import keep_mask
from seqrec.shapes import Negatives, Targets


class Uniform:
    """Draw every item with equal probability.

    Args:
        n_items: items without the padding id.
        num: number of draws S.
        shared: draw once for all positions of a batch, so that one matrix product scores them.
        exclude_own: never use an item of a sequence as its negative.
    """

    takes_shards: ClassVar[bool] = True

    def __init__(
        self, *, n_items: int, num: int = 256, shared: bool = True, exclude_own: bool = False
    ) -> None:
        if num < 1:
            raise ValueError(f"negatives.num={num} must be at least 1")
        self.n_items, self.num, self.shared, self.exclude_own = n_items, num, shared, exclude_own

    def __call__(self, targets: Targets, item_BL: Tensor) -> Negatives:
        """Draw for the positions `targets` of the sequences `item_BL`."""
        shape = (self.num,) if self.shared else (len(targets.item_N), self.num)
        device = targets.item_N.device
        drawn = torch.randint(1, self.n_items + 1, shape, device=device)
        keep_NS = keep_mask(
            drawn, targets, item_BL, n_items=self.n_items, exclude_own=self.exclude_own
        )
        log_q = torch.full(shape, -math.log(self.n_items), device=device)
        return Negatives(drawn, log_q, keep_NS)
