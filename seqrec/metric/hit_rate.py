"""Hit rate: the share of targets among the first k."""

from typing import ClassVar

from torch import Tensor


class HitRate:
    """1 if ``rank <= k`` (Deshpande and Karypis 2004)."""

    at_k: ClassVar[bool] = True
    higher_is_better: ClassVar[bool] = True

    def __call__(self, rank_R: Tensor, k: int) -> Tensor:
        """Map ``rank_R`` (from 1) to gains in float64."""
        return (rank_R <= k).double()
