"""F1: the harmonic mean of precision and recall."""

from typing import ClassVar

from torch import Tensor


class F1:
    """``2 P R / (P + R)`` of each event; with one relevant item, ``2 hit / (k + 1)``."""

    at_k: ClassVar[bool] = True
    higher_is_better: ClassVar[bool] = True

    def __call__(self, rank_R: Tensor, k: int) -> Tensor:
        """Map ``rank_R`` (from 1) to gains in float64."""
        return 2 * (rank_R <= k).double() / (k + 1)
