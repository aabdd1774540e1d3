"""Negatives drawn by popularity (Mikolov et al. 2013; Hidasi and Karatzoglou 2018)."""

from typing import ClassVar

import torch
from torch import Tensor

from seqrec.negatives._keep import keep_mask
from seqrec.shapes import Negatives, Targets


class Popularity:
    """Draw items in proportion to ``count ** power``.

    Args:
        n_items: items without the padding id.
        item_count_V: training events of each item; index 0 is padding.
        num: number of draws S.
        power: 1 is popularity, 0 is uniform, 0.75 is word2vec's choice.
        shared: draw once for all positions of a batch, so that one matrix product scores them.
        exclude_own: never use an item of a sequence as its negative.
    """

    takes_shards: ClassVar[bool] = True

    def __init__(
        self,
        *,
        n_items: int,
        item_count_V: Tensor,
        num: int = 256,
        power: float = 0.75,
        shared: bool = True,
        exclude_own: bool = False,
    ) -> None:
        if num < 1:
            raise ValueError(f"negatives.num={num} must be at least 1")
        self.n_items, self.num, self.shared, self.exclude_own = n_items, num, shared, exclude_own
        if power < 0:
            raise ValueError(f"negatives.power={power} must not be negative")
        weight_V = item_count_V.double() ** power
        weight_V[0] = 0.0
        self.last = int(weight_V.nonzero().max())
        probability_V = weight_V / weight_V.sum()
        self.log_q_V = probability_V.log().float()
        self.cumulative_V = probability_V.cumsum(0)

    def __call__(self, targets: Targets, item_BL: Tensor) -> Negatives:
        """Draw for the positions `targets` of the sequences `item_BL`."""
        shape = (self.num,) if self.shared else (len(targets.item_N), self.num)
        device = targets.item_N.device
        self.cumulative_V = self.cumulative_V.to(device)
        self.log_q_V = self.log_q_V.to(device)
        point = torch.rand(shape, device=device, dtype=torch.float64)
        drawn = torch.searchsorted(self.cumulative_V, point, right=True).clamp(1, self.last)
        keep_NS = keep_mask(
            drawn, targets, item_BL, n_items=self.n_items, exclude_own=self.exclude_own
        )
        return Negatives(drawn, self.log_q_V[drawn], keep_NS)
