"""Rerankers for tests: one that is useful, and some that break their contract."""

import torch
from torch import Tensor

from seqrec.shapes import History


class TailFirst:
    """Move the rarer items to the front.

    Args:
        item_count_V: training events of each item.
        depth: items that are reordered.
        weight: places that the rarest of the items gains on the most popular one.
    """

    def __init__(self, *, item_count_V: Tensor, depth: int = 5, weight: float = 3.0) -> None:
        self.item_count_V, self.depth, self.weight = item_count_V, depth, weight

    def __call__(self, item_BK: Tensor, score_BK: Tensor, history: History) -> Tensor:
        count_BK = self.item_count_V[item_BK].float()
        place_K = torch.arange(item_BK.shape[1], device=item_BK.device)
        least_B1 = count_BK.masked_fill(item_BK == 0, torch.inf).amin(1, keepdim=True)
        most_B1 = count_BK.masked_fill(item_BK == 0, -torch.inf).amax(1, keepdim=True)
        share_BK = (count_BK - least_B1) / (most_B1 - least_B1).clamp(min=1)
        cost_BK = (place_K + self.weight * share_BK).masked_fill(item_BK == 0, torch.inf)
        return cost_BK.argsort(dim=1, stable=True)


class Doubled(TailFirst):
    """Lists an item twice, and so leaves another out."""

    def __call__(self, item_BK: Tensor, score_BK: Tensor, history: History) -> Tensor:
        order_BK = super().__call__(item_BK, score_BK, history).clone()
        order_BK[:, 1] = order_BK[:, 0]
        return order_BK


class Moody(TailFirst):
    """Answers something else each time."""

    def __call__(self, item_BK: Tensor, score_BK: Tensor, history: History) -> Tensor:
        self.weight += 1.5
        return super().__call__(item_BK, score_BK, history)


class Social(TailFirst):
    """Looks at the other rows of the batch."""

    def __call__(self, item_BK: Tensor, score_BK: Tensor, history: History) -> Tensor:
        known = item_BK > 0
        shift = int((item_BK * known).sum()) % item_BK.shape[1]
        order_BK = super().__call__(item_BK, score_BK, history)
        return torch.where(known.all(1, keepdim=True), order_BK.roll(shift, 1), order_BK)


class Wide(TailFirst):
    """Looks at how far histories are padded."""

    def __call__(self, item_BK: Tensor, score_BK: Tensor, history: History) -> Tensor:
        order_BK = super().__call__(item_BK, score_BK, history)
        known = item_BK > 0
        turned_BK = order_BK.roll(history.item_BL.shape[1], 1)
        return torch.where(known.all(1, keepdim=True), turned_BK, order_BK)


class Gaps(TailFirst):
    """Puts the places without an item first."""

    def __call__(self, item_BK: Tensor, score_BK: Tensor, history: History) -> Tensor:
        return (item_BK > 0).int().argsort(dim=1, stable=True)
