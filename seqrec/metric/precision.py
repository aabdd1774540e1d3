"""Precision: the share of the first k that are relevant."""

from typing import ClassVar

from torch import Tensor


class Precision:
    """Hits over k; at most ``1 / k`` with one relevant item."""

    at_k: ClassVar[bool] = True
    higher_is_better: ClassVar[bool] = True

    def __call__(self, rank_R: Tensor, k: int) -> Tensor:
        """Map ``rank_R`` (from 1) to gains in float64."""
        return (rank_R <= k).double() / k
