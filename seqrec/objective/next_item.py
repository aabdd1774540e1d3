"""Prediction of the next item at every position."""

from collections.abc import Callable
from dataclasses import replace
from typing import ClassVar

import torch
from torch import Tensor

from seqrec.contracts import Loss, Model, NegativeSampler, Ranked
from seqrec.shapes import EvalBatch, History, Negatives, Targets, TrainBatch, position_mask


class NextItem:
    """Learn from every valid position of a causal model, in one pass over the batch.

    The first ``prefix_B`` positions are only seen and have no target. Objectives that add a term
    hold one of these, and hand it the summaries that they have computed (:meth:`of`).

    Args:
        loss: compares queries with targets.
        negatives: sampler, for losses that need negatives.
    """

    trains: ClassVar[str] = "causal"
    takes_shards: ClassVar[bool] = True

    def __init__(self, *, loss: Loss, negatives: NegativeSampler) -> None:
        self.loss, self.negatives = loss, negatives

    @staticmethod
    def ask(history: History) -> History:
        """Return the history: a causal model predicts at its last position."""
        return history

    def __call__(self, model: Model, batch: TrainBatch) -> tuple[Tensor, int, dict[str, Tensor]]:
        """Return the mean loss over the batch's targets, their number, and the loss as a term."""
        loss, targets, _ = self.of(model, batch, model(batch.history))
        return loss, len(targets.item_N), {"next_item": loss}

    def of(
        self,
        model: Model,
        batch: TrainBatch,
        u_BLD: Tensor,
        weigh: Callable[[Targets], Tensor] | None = None,
    ) -> tuple[Tensor, Targets, Tensor]:
        """Return the mean loss of summaries of every prefix, with its targets and ``query_ND``.

        `weigh` gives the weights of the targets in the mean; None: all count alike.
        """
        targets, column_N = targets_of(batch)
        if weigh is not None:
            targets = replace(targets, weight_N=weigh(targets))
        query_ND = model.scorer(u_BLD[targets.row_N, column_N])
        loss = self.compare(model, query_ND, targets, batch.history.item_BL)
        return loss, targets, query_ND

    def held_out(self, model: Model, query_BD: Tensor, batch: EvalBatch) -> Tensor:
        """Return the mean loss at held-out events."""
        row_B = torch.arange(len(query_BD), device=query_BD.device)
        targets = Targets(batch.target_B, row_B, batch.rating_B, batch.history.user_B)
        return self.compare(model, query_BD, targets, batch.history.item_BL)

    def scores_bytes(self, n_items: int, device_type: str, *, half: bool) -> int:
        """Return the bytes of scores that the loss holds at once."""
        held = getattr(self.loss, "scores_bytes", None)
        return held(n_items, device_type, half=half) if held else 0

    def compare(self, model: Model, query_ND: Tensor, targets: Targets, item_BL: Tensor) -> Tensor:
        """Return the mean loss of queries: the run's loss, with negatives if it needs them."""
        kind = query_ND.device.type
        if torch.is_autocast_enabled(kind):  # products in 16 bits too, though norms return float32
            query_ND = query_ND.to(torch.get_autocast_dtype(kind))
        with torch.autocast(kind, enabled=False):
            catalogue = model.catalogue()
            negatives = self._draw(query_ND, targets, item_BL, catalogue)
            loss = self.loss(query_ND, targets, catalogue, negatives)
        if negatives is None or negatives.lesson is None:
            return loss
        return loss + (negatives.lesson - negatives.lesson.detach())

    def _draw(
        self, query_ND: Tensor, targets: Targets, item_BL: Tensor, catalogue: Ranked
    ) -> Negatives | None:
        if not self.loss.needs_negatives:
            return None
        sees = getattr(self.negatives, "sees_queries", False)
        return self.negatives(targets, item_BL, *((query_ND, catalogue) if sees else ()))


def targets_of(batch: TrainBatch) -> tuple[Targets, Tensor]:
    """Return the targets of a batch, by row and position, and ``column_N``, their positions."""
    history = batch.history
    width = history.item_BL.shape[1]
    mask_BL = position_mask(history.length_B, width) & ~position_mask(batch.prefix_B, width)
    row_N, column_N = mask_BL.nonzero(as_tuple=True)
    rating_N = None if batch.rating_BL is None else batch.rating_BL[row_N, column_N]
    targets = Targets(batch.target_BL[row_N, column_N], row_N, rating_N, history.user_B[row_N])
    return targets, column_N
