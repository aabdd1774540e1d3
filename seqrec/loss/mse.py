"""Squared error of the next item's rating, for regression."""

from typing import ClassVar

import torch
from torch import Tensor, nn

from seqrec.contracts import Ranked
from seqrec.layers.weighted import mean_over
from seqrec.shapes import Negatives, Targets


class MSE(nn.Module):
    """``(mean + score(q, target) - rating) ** 2``; runs report the RMSE on held-out events.

    The model learns how a user would rate an item, not which item comes next, so its ranking
    metrics are low by design.

    Args:
        rating_mean: mean rating of the training events; scores are deviations from it.
    """

    needs_negatives: ClassVar[bool] = False
    has_negative_terms: ClassVar[bool] = False
    needs_ratings: ClassVar[bool] = True

    def __init__(self, *, rating_mean: float) -> None:
        super().__init__()
        self.rating_mean: Tensor
        self.register_buffer("rating_mean", torch.tensor(rating_mean))

    def forward(
        self, query_ND: Tensor, targets: Targets, catalogue: Ranked, negatives: Negatives | None
    ) -> Tensor:
        """Return the mean loss, a float32 scalar."""
        assert targets.rating_N is not None  # guaranteed by needs_ratings
        predicted_N = self.predict(query_ND, targets.item_N, catalogue)
        return mean_over((predicted_N - targets.rating_N).square(), targets)

    def predict(self, query_ND: Tensor, item_N: Tensor, catalogue: Ranked) -> Tensor:
        """Return ``rating_N`` of one item for each query, in the units of the data."""
        return self.rating_mean + catalogue.score(query_ND, item_N)
