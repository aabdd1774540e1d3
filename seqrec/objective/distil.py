"""Distillation: the next item, and what a teacher expects in its place."""

from typing import ClassVar

import torch
from torch import Tensor

from seqrec.catalogue import Catalogue
from seqrec.contracts import Loss, Model, NegativeSampler
from seqrec.layers.linear_cross_entropy import chunk_rows, row_bytes
from seqrec.layers.linear_divergence import linear_divergence
from seqrec.objective._teacher import Taught, Teacher
from seqrec.objective.next_item import NextItem, targets_of
from seqrec.shapes import EvalBatch, History, Targets, TrainBatch


class Distil:
    """``(1 - w) loss + w T^2 KL(softmax(teacher / T) || softmax(student / T))`` at every position.

    It is Hinton et al. 2015, "Distilling the knowledge in a neural network", section 2, with the
    run's loss as the term of the targets. What the teacher ranks isn't masked: items that the user
    has seen count as it scores them.

    Args:
        loss: compares queries with targets.
        negatives: sampler, for losses that need negatives.
        teacher: says what it expects.
        weight: w, from 0 to 1.
        temperature: T, above 0.
        top: compare over so many of the teacher's best items and the target; null: over all.
        memory_mb: maximum MiB of scores held at once by the divergence; null: 64, or what 128
            positions take. It changes speed, not results.
    """

    trains: ClassVar[str] = "causal"
    asks_teacher: ClassVar[bool] = True
    needs_vectors: ClassVar[bool] = True
    bounds: ClassVar[dict[str, tuple[float, float]]] = {"weight": (0, 1)}
    meaning: ClassVar[dict[str, str]] = {"memory_mb": "speed"}

    def __init__(
        self,
        *,
        loss: Loss,
        negatives: NegativeSampler,
        teacher: Teacher,
        weight: float = 0.5,
        temperature: float = 1.0,
        top: int | None = None,
        memory_mb: float | None = None,
    ) -> None:
        if not 0 <= weight <= 1:
            raise ValueError(f"objective.weight={weight} must be in 0 <= . <= 1")
        if not temperature > 0:
            raise ValueError(f"objective.temperature={temperature} must be above 0")
        if top is not None and top < 1:
            raise ValueError(f"objective.top={top} must be at least 1, or null")
        if memory_mb is not None and not memory_mb > 0:
            raise ValueError(f"objective.memory_mb={memory_mb} must be above 0, or null")
        self.next_item, self.teacher = NextItem(loss=loss, negatives=negatives), teacher
        self.weight, self.temperature, self.top = weight, temperature, top
        self.memory_mb = memory_mb

    @staticmethod
    def ask(history: History) -> History:
        """Return the history: a causal model predicts at its last position."""
        return history

    def __call__(self, model: Model, batch: TrainBatch) -> tuple[Tensor, int, dict[str, Tensor]]:
        """Return the mean loss over the batch's targets, their number, and both terms."""
        loss, targets, query_ND = self.next_item.of(model, batch, model(batch.history))
        _, column_N = targets_of(batch)
        taught = self.teacher(batch.history, targets.row_N, column_N)
        distil = self._divergence(model, query_ND, targets, taught)
        whole = (1 - self.weight) * loss + self.weight * self.temperature**2 * distil
        return whole, len(targets.item_N), {"next_item": loss, "distil": distil}

    def held_out(self, model: Model, query_BD: Tensor, batch: EvalBatch) -> Tensor:
        """Return the run's mean loss at held-out events; no teacher is asked."""
        return self.next_item.held_out(model, query_BD, batch)

    def scores_bytes(self, n_items: int, device_type: str, *, half: bool) -> int:
        """Return the bytes of scores that a step holds at once."""
        rows = chunk_rows(n_items + 1, device_type, self.memory_mb, half=True)
        own = 2 * rows * row_bytes(n_items + 1, half=True)
        return max(own, self.next_item.scores_bytes(n_items, device_type, half=half))

    def _divergence(
        self, model: Model, query_ND: Tensor, targets: Targets, taught: Taught
    ) -> Tensor:
        def wanted(part: slice) -> Tensor:
            score_CW = taught.scores(part)
            return score_CW if self.top is None else best(score_CW, targets.item_N[part], self.top)

        kind, catalogue = query_ND.device.type, model.catalogue()
        assert isinstance(catalogue, Catalogue)
        if torch.is_autocast_enabled(kind):
            query_ND = query_ND.to(torch.get_autocast_dtype(kind))
        with torch.autocast(kind, enabled=False):
            return linear_divergence(
                query_ND,
                catalogue.table_VD,
                wanted,
                catalogue.bias_V,
                temperature=self.temperature,
                memory_mb=self.memory_mb,
            )


def best(score_CW: Tensor, target_C: Tensor, top: int) -> Tensor:
    """Return the scores of the best `top` items and of the target; minus infinity elsewhere."""
    kept_CK = score_CW.topk(min(top, score_CW.shape[1]), dim=1).indices
    kept_CK = torch.cat([kept_CK, target_C[:, None] - 1], dim=1)
    found_CW = torch.full_like(score_CW, -torch.inf)
    return found_CW.scatter_(1, kept_CK, score_CW.gather(1, kept_CK))
