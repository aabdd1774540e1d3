"""The most probable list of n items, searched for with a beam."""

import math
from typing import ClassVar

import torch
from torch import Tensor

from seqrec.generator._asker import Asker, Growing
from seqrec.shapes import EvalBatch


class Beam:
    """Keeps the `width` most probable beginnings of a list, and extends each by every item.

    The probability of a list is the product of those of its items, each a softmax over the items
    that may stand there. The first list of the last beam is returned; the score of an item is its
    log probability after those before it. With ``width: 1`` the list is that of
    :class:`~seqrec.generator.greedy.Greedy`.

    Args:
        width: beginnings that are kept.
    """

    by_score: ClassVar[bool] = True
    bounds: ClassVar[dict[str, tuple[int, float]]] = {"width": (1, 10_000)}

    def __init__(self, *, width: int = 4) -> None:
        self.width = width

    def __call__(self, asker: Asker, batch: EvalBatch, n: int) -> tuple[Tensor, Tensor]:
        """Return ``item_Bn`` and ``score_Bn``; see :class:`~seqrec.generator.Generator`."""
        return asker.grow(batch, self.width, lambda growing: self._list(growing, n))

    def _list(self, growing: Growing, n: int) -> tuple[Tensor, Tensor]:
        width = self.width
        first_B = torch.arange(0, len(growing), width, device=growing.history.length_B.device)
        total_BW = torch.full((len(first_B), width), -math.inf, device=first_B.device)
        total_BW[:, 0] = 0.0  # at first all lists are the same, so one is enough
        item_BWn = first_B.new_zeros(len(first_B), width, 0)
        score_BWn = total_BW.new_zeros(len(first_B), width, 0)
        for _ in range(n):
            log_p_RV = growing.scores().log_softmax(1)
            best = log_p_RV.topk(min(width, log_p_RV.shape[1]), dim=1)
            step_BP = best.values.view(len(first_B), -1)
            whole_BP = total_BW.repeat_interleave(best.values.shape[1], dim=1) + step_BP
            total_BW, at_BW = whole_BP.topk(width, dim=1)
            from_BW = at_BW // best.values.shape[1]
            item_BW = best.indices.view(len(first_B), -1).gather(1, at_BW)
            item_BW = item_BW.masked_fill(total_BW == -math.inf, 0)
            score_BW = step_BP.gather(1, at_BW).masked_fill(item_BW == 0, -math.inf)
            item_BWn = torch.cat([_of(item_BWn, from_BW), item_BW[:, :, None]], 2)
            score_BWn = torch.cat([_of(score_BWn, from_BW), score_BW[:, :, None]], 2)
            growing.take((first_B[:, None] + from_BW).flatten())
            growing.append(item_BW.flatten())
        return item_BWn[:, 0], score_BWn[:, 0]


def _of(value_BWn: Tensor, from_BW: Tensor) -> Tensor:
    """Return the beginnings that each list goes on from."""
    return value_BWn.gather(1, from_BW[:, :, None].expand(-1, -1, value_BWn.shape[2]))
