"""Prediction of the next item's codes, all at once."""

from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor

from seqrec.contracts import Loss, Model, NegativeSampler
from seqrec.objective.next_item import NextItem, targets_of
from seqrec.shapes import EvalBatch, History, TrainBatch


class NextCode:
    """Learn every code of the next item from the same query, each by a softmax over its K values.

    ``-sum_c log softmax_K(q . codebook_c)[code_c(target)]``, mean over the positions: the loss of
    RPG (Hou et al. 2025, "Generating long semantic IDs in parallel for recommendation", KDD). It
    takes C K products a position where a softmax over items takes V, and the model's score of an
    item is the logarithm of this probability of its codes, but for a number that all items share.

    Args:
        loss: over items, if it has a share.
        negatives: sampler, for such a loss that needs negatives.
        share: of the loss over codes; the rest is the run's loss over items.
    """

    trains: ClassVar[str] = "causal"
    needs_codes: ClassVar[bool] = True
    needs_tied_scores: ClassVar[bool] = True
    bounds: ClassVar[dict[str, tuple[float, float]]] = {"share": (0, 1)}

    def __init__(self, *, loss: Loss, negatives: NegativeSampler, share: float = 1.0) -> None:
        self.next_item, self.share = NextItem(loss=loss, negatives=negatives), share

    @staticmethod
    def ask(history: History) -> History:
        """Return the history: a causal model predicts at its last position."""
        return history

    def __call__(self, model: Model, batch: TrainBatch) -> tuple[Tensor, int, dict[str, Tensor]]:
        """Return the mean loss, the number of targets, and the terms of the loss."""
        u_BLD = model(batch.history)
        targets, column_N = targets_of(batch)
        of_codes = code_loss(model, model.scorer(u_BLD[targets.row_N, column_N]), targets.item_N)
        if self.share == 1:
            return of_codes, len(targets.item_N), {"next_code": of_codes}
        of_items, _, _ = self.next_item.of(model, batch, u_BLD)
        loss = self.share * of_codes + (1 - self.share) * of_items
        return loss, len(targets.item_N), {"next_code": of_codes, "next_item": of_items}

    def held_out(self, model: Model, query_BD: Tensor, batch: EvalBatch) -> Tensor:
        """Return the mean loss at held-out events."""
        of_codes = code_loss(model, query_BD, batch.target_B)
        if self.share == 1:
            return of_codes
        of_items = self.next_item.held_out(model, query_BD, batch)
        return self.share * of_codes + (1 - self.share) * of_items

    def scores_bytes(self, n_items: int, device_type: str, *, half: bool) -> int:
        """Return the bytes of scores of the whole catalogue that are held at once."""
        if self.share == 1:
            return 0
        return self.next_item.scores_bytes(n_items, device_type, half=half)


def code_loss(model: Model, query_ND: Tensor, item_N: Tensor) -> Tensor:
    """Return the mean over items of the sum of the cross entropies of their codes, in float32."""
    embedding: Any = model.embedding  # of items with codes, by the check of needs
    with torch.autocast(query_ND.device.type, enabled=False):
        logit_NCK = torch.einsum("nd,ckd->nck", query_ND.float(), embedding.codebooks().float())
        code_NC = embedding.code_VC[item_N].long()
        return F.cross_entropy(logit_NCK.flatten(0, 1), code_NC.flatten()) * code_NC.shape[1]
