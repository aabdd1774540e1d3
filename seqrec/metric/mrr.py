"""MRR: mean reciprocal rank, cut at k (Voorhees 1999)."""

from typing import ClassVar

from torch import Tensor


class MRR:
    """``1 / rank`` if ``rank <= k``."""

    at_k: ClassVar[bool] = True
    higher_is_better: ClassVar[bool] = True

    def __call__(self, rank_R: Tensor, k: int) -> Tensor:
        """Map ``rank_R`` (from 1) to gains in float64."""
        return (rank_R <= k) / rank_R.double()
