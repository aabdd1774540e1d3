"""Prediction of the next item, weighted by inverse propensities (Schnabel et al. 2016)."""

from typing import ClassVar

from torch import Tensor

from seqrec.contracts import Loss, Model, NegativeSampler
from seqrec.objective.next_item import NextItem
from seqrec.shapes import EvalBatch, Targets, TrainBatch


class Propensity:
    """Weigh a target by ``min(clip, (n_max / n_i) ^ power)``, over the sum of a batch's weights.

    The chance that an event was seen at all is taken to grow with the popularity of its item, as
    ``n_i ^ power`` (Yang et al. 2018, section 3.2, with n for the number of training events). The
    weighted mean estimates the loss where every item had the same chance; clipping bounds its
    spread, and normalising by the weights (SNIPS, Swaminathan and Joachims 2015) makes it a mean
    again, in each batch by itself. A model trained so is better where all items count alike and
    worse where popular ones do.

    Args:
        loss: compares queries with targets.
        negatives: sampler, for losses that need negatives.
        item_count_V: training events of each item; index 0 is padding.
        power: of popularity in the propensity, at least 0; with 0 all targets count alike.
        clip: the largest weight, at least 1, the weight of the most popular item; null: none.
    """

    trains: ClassVar[str] = "causal"
    bounds: ClassVar[dict[str, tuple[float, float]]] = {"power": (0, 10), "clip": (1, 1e9)}
    ask = staticmethod(NextItem.ask)

    def __init__(
        self,
        *,
        loss: Loss,
        negatives: NegativeSampler,
        item_count_V: Tensor,
        power: float = 0.5,
        clip: float | None = 10.0,
    ) -> None:
        self.next = NextItem(loss=loss, negatives=negatives)
        count_V = item_count_V.double().clamp(min=1)
        self.weight_V = (count_V.max() / count_V).pow(power).clamp(min=1, max=clip).float()

    def __call__(self, model: Model, batch: TrainBatch) -> tuple[Tensor, int, dict[str, Tensor]]:
        """Return the weighted mean loss, the number of targets, and the loss as a term."""
        u_BLD = model(batch.history)
        loss, targets, _ = self.next.of(model, batch, u_BLD, self._weights)
        return loss, len(targets.item_N), {"propensity": loss}

    def _weights(self, targets: Targets) -> Tensor:
        self.weight_V = self.weight_V.to(targets.item_N.device)
        return self.weight_V[targets.item_N]

    def held_out(self, model: Model, query_BD: Tensor, batch: EvalBatch) -> Tensor:
        """Return the mean loss at held-out events, where all count alike."""
        return self.next.held_out(model, query_BD, batch)

    def scores_bytes(self, n_items: int, device_type: str, *, half: bool) -> int:
        """Return the bytes of scores that the loss holds at once."""
        return self.next.scores_bytes(n_items, device_type, half=half)
