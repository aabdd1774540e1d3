"""The best next item, then the best after that one, and so on."""

import math
from typing import ClassVar

import torch
from torch import Tensor

from seqrec.generator._asker import Asker, Growing
from seqrec.shapes import EvalBatch


class Greedy:
    """Appends the best item to the history, and asks again, n times.

    The score of an item is the model's, after those before it, so scores needn't fall. Of the paths
    that it doesn't take, nothing is in the list: on longer horizons it is often below
    :class:`~seqrec.generator.topk.TopK` (Volodkevich et al. 2024, arXiv 2409.17730).
    """

    by_score: ClassVar[bool] = True

    def __call__(self, asker: Asker, batch: EvalBatch, n: int) -> tuple[Tensor, Tensor]:
        """Return ``item_Bn`` and ``score_Bn``; see :class:`~seqrec.generator.Generator`."""
        return asker.grow(batch, 1, lambda growing: self._list(growing, n))

    def _list(self, growing: Growing, n: int) -> tuple[Tensor, Tensor]:
        items, scores = [], []
        for _ in range(n):
            score_B, item_B = growing.scores().max(1)
            growing.append(item_B)
            items.append(item_B)
            scores.append(score_B.masked_fill(item_B == 0, -math.inf))
        return torch.stack(items, 1), torch.stack(scores, 1)
