"""MAP: mean average precision, cut at k."""

from typing import ClassVar

from torch import Tensor


class MAP:
    """Precision at the rank of each relevant item, averaged; with one relevant item it is MRR."""

    at_k: ClassVar[bool] = True
    higher_is_better: ClassVar[bool] = True

    def __call__(self, rank_R: Tensor, k: int) -> Tensor:
        """``rank_R`` (from 1) to gains in float64."""
        return (rank_R <= k) / rank_R.double()
