"""Softmax over the target and sampled negatives, logQ-corrected (Bengio and Senecal 2008)."""

from typing import ClassVar

import torch
from torch import Tensor, nn

from seqrec.contracts import Ranked
from seqrec.layers.scores import target_and_negative_scores
from seqrec.layers.weighted import mean_over
from seqrec.shapes import Negatives, Targets


class SampledSoftmax(nn.Module):
    """Estimate the full softmax from S negatives.

    Each negative's score is lowered by ``log(S q(i))``, its expected count, so that the sum over
    the sample is an unbiased estimate of the sum over the catalogue's other items. The target is
    always included, so it isn't corrected (Klenitskiy and Vasilev 2023; Yi et al. 2019).

    Args:
        correct: apply the logQ correction.
    """

    needs_negatives: ClassVar[bool] = True
    needs_ratings: ClassVar[bool] = False
    takes_shards: ClassVar[bool] = True
    needs_probabilities: ClassVar[bool] = True  # of the draws

    def __init__(self, *, correct: bool = True) -> None:
        super().__init__()
        self.correct = correct

    def forward(
        self, query_ND: Tensor, targets: Targets, catalogue: Ranked, negatives: Negatives
    ) -> Tensor:
        """Return the mean loss, a float32 scalar."""
        target_N1, negative_NS = target_and_negative_scores(query_ND, targets, catalogue, negatives)
        if self.correct:
            expected_count = negatives.log_q + torch.tensor(negatives.item.shape[-1]).log()
            negative_NS = negative_NS - expected_count
        negative_NS = negative_NS.masked_fill(~negatives.keep_NS, -torch.inf)
        total_N = torch.logsumexp(torch.cat([target_N1, negative_NS], dim=1), dim=1)
        return mean_over(total_N - target_N1.squeeze(1), targets)
