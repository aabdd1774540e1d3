"""Softmax cross-entropy over the full catalogue, exact."""

from typing import ClassVar

from torch import Tensor, nn

from seqrec.loss.linear_cross_entropy import linear_cross_entropy
from seqrec.types import Catalogue, Negatives, Targets


class CrossEntropy(nn.Module):
    """``-log softmax(score(q, .))[target]`` over all items, never holding N x V scores."""

    needs_negatives: ClassVar[bool] = False
    needs_ratings: ClassVar[bool] = False

    def forward(
        self, query_ND: Tensor, targets: Targets, catalogue: Catalogue, negatives: Negatives | None
    ) -> Tensor:
        """Mean loss, a float32 scalar."""
        return linear_cross_entropy(query_ND, catalogue.table_VD, targets.item_N, catalogue.bias_V)
