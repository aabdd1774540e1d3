"""Scores corrected for popularity."""

from typing import ClassVar

from torch import Tensor, nn

from seqrec.shapes import History


class Popularity(nn.Module):
    """Order by ``s(i) - weight log p(i)``, p(i) the item's share of the training events.

    A model of the softmax with weight 1 ranks by how much more likely an item is after this history
    than at all: the correction of logits of Menon et al. 2021, "Long-tail learning via logit
    adjustment", ICLR (equation 9), and the causal reading of popularity in Zhang et al. 2021,
    "Causal intervention for leveraging popularity bias in recommendation", SIGIR. Scores are taken
    as they are, so for losses other than the softmax the weight depends on their size. Items of no
    training event count as those of one.

    Args:
        item_count_V: training events of each item.
        weight: 0: the order of the model; below 0: popular items gain.
        depth: items that are reordered.
    """

    log_count_V: Tensor
    bounds: ClassVar = {"weight": (-100, 100), "depth": (1, 100_000)}
    strengths: ClassVar = {"weight": [0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.7, 1.0]}

    def __init__(
        self, *, item_count_V: Tensor | None, weight: float = 0.1, depth: int = 100
    ) -> None:
        if item_count_V is None:
            raise ValueError("the training events of the items aren't known")
        super().__init__()
        self.weight, self.depth = weight, depth
        log_count_V = item_count_V.clamp(min=1).double().log().float()
        self.register_buffer("log_count_V", log_count_V, persistent=False)

    def forward(self, item_BK: Tensor, score_BK: Tensor, history: History) -> Tensor:
        """Return ``order_BK``; the log of the number of events, as the total moves no item."""
        log_count_BK = self.log_count_V[item_BK]
        corrected_BK = score_BK - self.weight * log_count_BK
        return corrected_BK.argsort(dim=1, descending=True, stable=True)
