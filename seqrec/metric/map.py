"""MAP: mean average precision, cut at k."""

from typing import ClassVar

from torch import Tensor


class MAP:
    """Mean precision at the ranks of the relevant items; equals MRR with one relevant item."""

    at_k: ClassVar[bool] = True
    higher_is_better: ClassVar[bool] = True

    def __call__(self, rank_R: Tensor, k: int) -> Tensor:
        """Map ``rank_R`` (from 1) to gains in float64."""
        return (rank_R <= k) / rank_R.double()
