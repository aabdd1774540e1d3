"""Recall: the share of the relevant items that are among the first k."""

from typing import ClassVar

from torch import Tensor


class Recall:
    """Hits over relevant items; there is one relevant item, so it equals the hit rate."""

    at_k: ClassVar[bool] = True
    higher_is_better: ClassVar[bool] = True

    def __call__(self, rank_R: Tensor, k: int) -> Tensor:
        """``rank_R`` (from 1) to gains in float64."""
        return (rank_R <= k).double()
