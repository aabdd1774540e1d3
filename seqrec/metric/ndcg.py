"""NDCG: normalised discounted cumulative gain (Jarvelin and Kekalainen 2002)."""

from typing import ClassVar

import torch
from torch import Tensor


class NDCG:
    """``1 / log2(rank + 1)`` if ``rank <= k``; the ideal gain of one relevant item is 1."""

    at_k: ClassVar[bool] = True
    higher_is_better: ClassVar[bool] = True

    def __call__(self, rank_R: Tensor, k: int) -> Tensor:
        """Map ``rank_R`` (from 1) to gains in float64."""
        return (rank_R <= k) / torch.log2(rank_R.double() + 1)
