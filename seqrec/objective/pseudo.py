"""Pseudo-labels: what a teacher expects after the last event of short histories."""

from dataclasses import replace
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor

from seqrec.catalogue import Catalogue
from seqrec.contracts import Loss, Model, NegativeSampler
from seqrec.layers.linear_divergence import linear_divergence
from seqrec.objective._teacher import Teacher
from seqrec.objective.next_item import NextItem
from seqrec.shapes import UNKNOWN_TIME, EvalBatch, History, Targets, TrainBatch, at_position


class Pseudo:
    """The loss of the next item, plus ``weight`` times that of labels which a teacher makes.

    A history's last training event is a target and has none itself: nothing is known to follow it.
    There a teacher, a finished run, says what it expects, and where it is confident enough the
    model learns that (Lee 2013, "Pseudo-label"; with ``soft``, its whole distribution, as in
    Hinton et al. 2015). Only short histories get a label: of those, targets are few.

    Columns of the event that is appended, such as its time, are unknown.

    Args:
        loss: compares queries with targets.
        negatives: sampler, for losses that need negatives.
        teacher: says what it expects.
        weight: of the labels' term, above 0.
        events: histories of at most so many training events get a label.
        confidence: least probability of the teacher's best item, from 0 to 1.
        soft: learn the teacher's distribution; else its best item alone, by the run's loss.
    """

    trains: ClassVar[str] = "causal"
    asks_teacher: ClassVar[bool] = True
    needs_vectors: ClassVar[bool] = True
    bounds: ClassVar[dict[str, tuple[float, float]]] = {"confidence": (0, 1)}

    def __init__(
        self,
        *,
        loss: Loss,
        negatives: NegativeSampler,
        teacher: Teacher,
        weight: float = 1.0,
        events: int = 5,
        confidence: float = 0.05,
        soft: bool = True,
    ) -> None:
        if not weight > 0:
            raise ValueError(f"objective.weight={weight} must be above 0")
        if events < 2:
            raise ValueError(f"objective.events={events} must be at least 2")
        if not 0 <= confidence <= 1:
            raise ValueError(f"objective.confidence={confidence} must be in 0 <= . <= 1")
        self.next_item, self.teacher = NextItem(loss=loss, negatives=negatives), teacher
        self.weight, self.events, self.confidence, self.soft = weight, events, confidence, soft

    @staticmethod
    def ask(history: History) -> History:
        """Return the history: a causal model predicts at its last position."""
        return history

    def __call__(self, model: Model, batch: TrainBatch) -> tuple[Tensor, int, dict[str, Tensor]]:
        """Return the mean loss over the batch's targets, their number, and both terms.

        The term of the labels is the mean over the labels of the batch; 0 if it has none.
        """
        loss, targets, _ = self.next_item.of(model, batch, model(batch.history))
        pseudo = self._labelled(model, batch)
        return (
            loss + self.weight * pseudo,
            len(targets.item_N),
            {"next_item": loss, "pseudo": pseudo},
        )

    def held_out(self, model: Model, query_BD: Tensor, batch: EvalBatch) -> Tensor:
        """Return the run's mean loss at held-out events; no teacher is asked."""
        return self.next_item.held_out(model, query_BD, batch)

    def scores_bytes(self, n_items: int, device_type: str, *, half: bool) -> int:
        """Return the bytes of scores that a step holds at once, without those of its few labels."""
        return self.next_item.scores_bytes(n_items, device_type, half=half)

    def _labelled(self, model: Model, batch: TrainBatch) -> Tensor:
        """Return the mean loss of the labels of the batch."""
        short_S = (batch.history.length_B < self.events).nonzero().squeeze(1)
        if not len(short_S):
            return batch.history.item_BL.new_zeros((), dtype=torch.float32)
        history = lengthened(batch.history.take(short_S), batch.target_BL[short_S])
        row_S, last_S = torch.arange(len(short_S), device=short_S.device), history.length_B - 1
        score_SW = self.teacher(history, row_S, last_S).scores(slice(None))
        kept_S = score_SW.softmax(1).amax(1) >= self.confidence
        if not kept_S.any():
            return batch.history.item_BL.new_zeros((), dtype=torch.float32)
        score_KW, history = score_SW[kept_S], history.take(kept_S.nonzero().squeeze(1))
        query_KD = model.scorer(at_position(model(history), history.length_B - 1))
        if not self.soft:
            row_K = torch.arange(len(score_KW), device=score_KW.device)
            targets = Targets(score_KW.argmax(1) + 1, row_K, user_N=history.user_B)
            return self.next_item.compare(model, query_KD, targets, history.item_BL)
        catalogue = model.catalogue()
        assert isinstance(catalogue, Catalogue)
        with torch.autocast(query_KD.device.type, enabled=False):
            return linear_divergence(
                query_KD.float(), catalogue.table_VD, lambda part: score_KW[part], catalogue.bias_V
            )


def lengthened(history: History, target_BL: Tensor) -> History:
    """Return histories with their last target as one more event, whose columns are unknown."""
    last_B1 = history.length_B[:, None] - 1
    width = int(history.length_B.max()) + 1
    item_BL = F.pad(history.item_BL, (0, 1))[:, :width]
    item_BL = item_BL.scatter(1, last_B1 + 1, target_BL.gather(1, last_B1))
    event = {
        name: F.pad(value, (0, 1))[:, :width].scatter(1, last_B1 + 1, _unknown(name, value))
        for name, value in history.event.items()
    }
    return replace(history, item_BL=item_BL, length_B=history.length_B + 1, event=event)


def _unknown(name: str, value_BL: Tensor) -> Tensor:
    """Return what stands for an unknown value of a column, (B, 1)."""
    unknown = torch.nan if value_BL.is_floating_point() else 0
    return value_BL.new_full((len(value_BL), 1), UNKNOWN_TIME if name == "timestamp" else unknown)
