"""Prediction of the next item, weighted by what it earned."""

from typing import ClassVar

from torch import Tensor

from seqrec.contracts import Loss, Model, NegativeSampler
from seqrec.objective._rewards import By, Rewards
from seqrec.objective.next_item import NextItem
from seqrec.shapes import EvalBatch, Targets, TrainBatch


class Reward:
    """Weigh a target by ``reward ^ power``, over the sum of a batch's weights.

    With cross-entropy it is REINFORCE (Williams 1992) on logged events, without their propensities
    (Chen et al. 2019, "Top-K off-policy correction", section 3): events that earned more are made
    likelier than others. The model learns to earn more and predicts less well what comes next.

    Args:
        loss: compares queries with targets.
        negatives: sampler, for losses that need negatives.
        item_count_V: training events of each item; index 0 is padding.
        rating_mean: of the training events; None: no ratings.
        by: what an event earns: its ``rating``, or its item's ``novelty`` (``-log2 p(i)``).
        power: of the reward, at least 0; with 0 all targets count alike.
    """

    trains: ClassVar[str] = "causal"
    bounds: ClassVar[dict[str, tuple[float, float]]] = {"power": (0, 100)}
    ask = staticmethod(NextItem.ask)

    def __init__(
        self,
        *,
        loss: Loss,
        negatives: NegativeSampler,
        item_count_V: Tensor,
        rating_mean: float | None,
        by: By = "rating",
        power: float = 1.0,
    ) -> None:
        self.next, self.power = NextItem(loss=loss, negatives=negatives), power
        self.rewards = Rewards(by, item_count_V=item_count_V, rating_mean=rating_mean)
        self.reads_ratings = self.rewards.reads_ratings

    def __call__(self, model: Model, batch: TrainBatch) -> tuple[Tensor, int, dict[str, Tensor]]:
        """Return the weighted mean loss, the number of targets, and the loss as a term."""
        loss, targets, _ = self.next.of(model, batch, model(batch.history), self._weights)
        return loss, len(targets.item_N), {"reward": loss}

    def _weights(self, targets: Targets) -> Tensor:
        return self.rewards(targets).pow(self.power)

    def held_out(self, model: Model, query_BD: Tensor, batch: EvalBatch) -> Tensor:
        """Return the mean loss at held-out events, where all count alike."""
        return self.next.held_out(model, query_BD, batch)

    def scores_bytes(self, n_items: int, device_type: str, *, half: bool) -> int:
        """Return the bytes of scores that the loss holds at once."""
        return self.next.scores_bytes(n_items, device_type, half=half)
