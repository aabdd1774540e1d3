"""Bayesian personalised ranking (Rendle et al. 2009)."""

from typing import ClassVar

import torch.nn.functional as F
from torch import Tensor, nn

from seqrec.contracts import Ranked
from seqrec.layers.scores import target_and_negative_scores
from seqrec.layers.weighted import mean_over
from seqrec.shapes import Negatives, Targets


class BPR(nn.Module):
    """``-log sigmoid(target - negative)``, averaged over a position's negatives."""

    needs_negatives: ClassVar[bool] = True
    needs_ratings: ClassVar[bool] = False
    takes_shards: ClassVar[bool] = True

    def forward(
        self, query_ND: Tensor, targets: Targets, catalogue: Ranked, negatives: Negatives
    ) -> Tensor:
        """Return the mean loss, a float32 scalar."""
        target_N1, negative_NS = target_and_negative_scores(query_ND, targets, catalogue, negatives)
        pair_NS = F.softplus(negative_NS - target_N1) * negatives.keep_NS
        return mean_over(pair_NS.sum(1) / negatives.keep_NS.sum(1).clamp(min=1), targets)
