"""Generalised binary cross-entropy (Petrov and Macdonald 2023, gSASRec)."""

from typing import ClassVar

import torch.nn.functional as F
from torch import Tensor, nn

from seqrec.contracts import Ranked
from seqrec.layers.scores import target_and_negative_scores
from seqrec.layers.weighted import mean_over
from seqrec.shapes import Negatives, Targets


class GBCE(nn.Module):
    """``-beta log sigmoid(target) - sum_s log(1 - sigmoid(negative_s))``.

    ``beta = a (t (1 - 1/a) + 1/a)`` with the sampling rate ``a = S / (items - 1)`` (equation 20):
    negative sampling makes models overconfident; ``t = 1`` corrects this fully.

    Args:
        n_items: items without the padding id.
        t: calibration from 0 (plain BCE) to 1 (fully calibrated); 0.75 in the paper.
    """

    needs_negatives: ClassVar[bool] = True
    needs_ratings: ClassVar[bool] = False
    takes_shards: ClassVar[bool] = True

    def __init__(self, *, n_items: int, t: float = 0.75) -> None:
        super().__init__()
        if not 0 <= t <= 1:
            raise ValueError(f"loss.t={t} must be between 0 and 1")
        self.n_items, self.t = n_items, t

    def forward(
        self, query_ND: Tensor, targets: Targets, catalogue: Ranked, negatives: Negatives
    ) -> Tensor:
        """Return the mean loss, a float32 scalar."""
        target_N1, negative_NS = target_and_negative_scores(query_ND, targets, catalogue, negatives)
        rate = min(1.0, negatives.item.shape[-1] / max(1, self.n_items - 1))
        beta = rate * (self.t * (1 - 1 / rate) + 1 / rate)
        wrong_NS = F.softplus(negative_NS) * negatives.keep_NS
        return mean_over(beta * F.softplus(-target_N1).squeeze(1) + wrong_NS.sum(1), targets)
