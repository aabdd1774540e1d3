"""Accuracy of a classifier over the catalogue: the share of targets ranked first."""

from typing import ClassVar

from torch import Tensor


class Accuracy:
    """1 if ``rank == 1``, for any k."""

    at_k: ClassVar[bool] = False
    higher_is_better: ClassVar[bool] = True

    def __call__(self, rank_R: Tensor, k: int) -> Tensor:
        """Map ``rank_R`` (from 1) to gains in float64."""
        return (rank_R == 1).double()
