"""Recall: the share of the relevant items that are among the first k."""

from typing import ClassVar

from torch import Tensor


class Recall:
    """Hits over relevant items; equals the hit rate with one relevant item."""

    at_k: ClassVar[bool] = True
    higher_is_better: ClassVar[bool] = True

    def __call__(self, rank_R: Tensor, k: int) -> Tensor:
        """Map ``rank_R`` (from 1) to gains in float64."""
        return (rank_R <= k).double()
