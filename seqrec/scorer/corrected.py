"""Scores without what popularity adds to them (Menon et al. 2021, logit adjustment)."""

from typing import Any

import torch
from torch import Tensor, nn

from seqrec.catalogue import Catalogue
from seqrec.layers.sizes import make_room


class Corrected(nn.Module):
    """``score(u, i) - power log p(i)`` wherever items are ranked; in training another scorer's.

    A softmax learns ``p(i | u)``, which holds the item's share of the training events, ``p(i)``.
    With ``power = 1`` what is left ranks as if all items had been equally popular (section 3), and
    less power goes a part of the way. Nothing is trained differently, so the loss at held-out
    events, which is one of ranking scores, is larger than the loss in training.

    Args:
        scorer: has vectors; its scores are corrected.
        n_items: items without the padding id.
        item_count_V: training events of each item, index 0 is padding; None: known from a
            checkpoint.
        power: at least 0; with 0 nothing is corrected.
    """

    def __init__(
        self,
        *,
        scorer: Any,
        n_items: int,
        item_count_V: Tensor | None,
        power: float = 0.25,
    ) -> None:
        super().__init__()
        if power < 0:
            raise ValueError(f"scorer.power={power} must be at least 0")
        if not getattr(scorer, "has_vectors", True):
            raise ValueError("scorer.scorer has no vectors, so no item has a term of its own")
        self.scorer = scorer
        count_V = torch.ones(n_items + 1) if item_count_V is None else item_count_V.clamp(min=1)
        log_V = (count_V / count_V[1:].sum()).log().float()
        log_V[0] = 0
        self.correction_V: Tensor
        self.register_buffer("correction_V", -power * log_V)

    def forward(self, u_ND: Tensor) -> Tensor:
        """Map ``u_ND -> query_ND``."""
        return self.scorer(u_ND)

    def catalogue(self, table_VD: Tensor) -> Catalogue:
        """Return the scorer's catalogue, with the correction added to its biases in evaluation."""
        shelf: Catalogue = self.scorer.catalogue(table_VD)
        if self.training:
            return shelf
        bias_V = self.correction_V if shelf.bias_V is None else shelf.bias_V + self.correction_V
        return Catalogue(shelf.table_VD, bias_V, shelf.sparse)

    def _load_from_state_dict(self, state_dict: dict, prefix: str, *rest: Any) -> None:
        make_room(self, state_dict, prefix)
        super()._load_from_state_dict(state_dict, prefix, *rest)
