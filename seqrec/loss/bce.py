"""Binary cross-entropy of the target against sampled negatives (Kang and McAuley 2018, SASRec)."""

from typing import ClassVar

import torch.nn.functional as F
from torch import Tensor, nn

from seqrec.contracts import Ranked
from seqrec.layers.scores import target_and_negative_scores
from seqrec.layers.weighted import mean_over
from seqrec.shapes import Negatives, Targets


class BCE(nn.Module):
    """``-log sigmoid(target) - sum_s log(1 - sigmoid(negative_s))``."""

    needs_negatives: ClassVar[bool] = True
    needs_ratings: ClassVar[bool] = False
    takes_shards: ClassVar[bool] = True

    def forward(
        self, query_ND: Tensor, targets: Targets, catalogue: Ranked, negatives: Negatives
    ) -> Tensor:
        """Return the mean loss, a float32 scalar."""
        target_N1, negative_NS = target_and_negative_scores(query_ND, targets, catalogue, negatives)
        wrong_NS = F.softplus(negative_NS) * negatives.keep_NS
        return mean_over(F.softplus(-target_N1).squeeze(1) + wrong_NS.sum(1), targets)
