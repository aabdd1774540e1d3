"""Self-supervised Q-learning beside the prediction of the next item (Xin et al. 2020)."""

from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from seqrec.contracts import Loss, Model, NegativeSampler
from seqrec.objective._rewards import By, Rewards
from seqrec.objective.next_item import NextItem, targets_of
from seqrec.shapes import EvalBatch, TrainBatch

SCORES = 2**22  # values of all items held at once


class SQN(nn.Module):
    """``L + weight ((r + discount Q'(s', argmax_a Q(s', a)) - Q(s, i))^2)``: equations 4 to 6.

    A second layer on the summaries ``u`` values each item as an action in a state. It learns from
    one step of double Q-learning (van Hasselt 2010): of two layers each chooses the next action and
    the other values it, and both learn at every step instead of in turns. The state after a
    target is the next position; the last position of a row has none and is left out. Scores come
    from the model alone: the layers shape its states, aren't served, and have V x D weights each.

    Args:
        loss: compares queries with targets.
        negatives: sampler, for losses that need negatives.
        n_items: items without the padding id.
        item_count_V: training events of each item; index 0 is padding.
        rating_mean: of the training events; None: no ratings.
        dim: width D of the summaries.
        by: what an event earns: its ``rating``, or its item's ``novelty`` (``-log2 p(i)``); over
            its mean.
        discount: of what comes later, from 0 to less than 1.
        weight: of the squared error, at least 0.
    """

    trains: ClassVar[str] = "causal"
    bounds: ClassVar[dict[str, tuple[float, float]]] = {"weight": (0, 1000)}
    ask = staticmethod(NextItem.ask)

    def __init__(
        self,
        *,
        loss: Loss,
        negatives: NegativeSampler,
        n_items: int,
        item_count_V: Tensor,
        rating_mean: float | None,
        dim: int,
        by: By = "rating",
        discount: float = 0.5,
        weight: float = 1.0,
    ) -> None:
        super().__init__()
        if not 0 <= discount < 1:
            raise ValueError(f"objective.discount={discount} must be at least 0 and below 1")
        self.next = NextItem(loss=loss, negatives=negatives)
        self.rewards = Rewards(by, item_count_V=item_count_V, rating_mean=rating_mean)
        self.reads_ratings = self.rewards.reads_ratings
        self.discount, self.weight = discount, weight
        self.one, self.other = (nn.Linear(dim, n_items + 1) for _ in range(2))

    def forward(self, model: Model, batch: TrainBatch) -> tuple[Tensor, int, dict[str, Tensor]]:
        """Return the sum of loss and squared error, the number of targets, and the two terms."""
        u_BLD = model(batch.history)
        loss, targets, _ = self.next.of(model, batch, u_BLD)
        row_N, column_N = targets.row_N, targets_of(batch)[1]
        with torch.autocast(u_BLD.device.type, enabled=False):
            u_ND, item_N = u_BLD[row_N, column_N].float(), targets.item_N
            goes_on_N = F.pad(row_N[1:] == row_N[:-1], (0, 1))  # a row's positions are in order
            then_ND, reward_N = u_ND.detach().roll(-1, 0), self.rewards(targets)
            first_N, second_N = self._goals(then_ND)
            miss_N = reward_N + self.discount * first_N - _value(self.one, u_ND, item_N)
            other_N = reward_N + self.discount * second_N - _value(self.other, u_ND, item_N)
            error_N = miss_N.square() + other_N.square()
            error = (error_N * goes_on_N).sum() / goes_on_N.sum().clamp(min=1)
        total = loss + self.weight * error
        return total, len(item_N), {"next_item": loss, "sqn": self.weight * error}

    @torch.no_grad()
    def _goals(self, then_ND: Tensor) -> tuple[Tensor, Tensor]:
        """Return each layer's best next action as the other one values it."""
        first, second = [], []
        for then_CD in then_ND.split(max(1, SCORES // self.one.out_features)):
            one_CV, other_CV = self.one(then_CD)[:, 1:], self.other(then_CD)[:, 1:]
            first.append(other_CV.gather(1, one_CV.argmax(1, keepdim=True)).squeeze(1))
            second.append(one_CV.gather(1, other_CV.argmax(1, keepdim=True)).squeeze(1))
        return torch.cat(first), torch.cat(second)

    def held_out(self, model: Model, query_BD: Tensor, batch: EvalBatch) -> Tensor:
        """Return the mean loss at held-out events, without the squared error."""
        return self.next.held_out(model, query_BD, batch)

    def scores_bytes(self, n_items: int, device_type: str, *, half: bool) -> int:
        """Return the bytes of scores and values that are held at once."""
        values = 2 * 4 * max(SCORES, n_items + 1)
        return max(values, self.next.scores_bytes(n_items, device_type, half=half))


def _value(layer: nn.Linear, u_ND: Tensor, item_N: Tensor) -> Tensor:
    """Return what a layer says of one item for each state, without the others."""
    return (u_ND * layer.weight[item_N]).sum(1) + layer.bias[item_N]
