"""The next item, and two views of a history brought together (Xie et al. 2022, CL4SRec)."""

from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor

from seqrec.contracts import Augment, Loss, Model, NegativeSampler
from seqrec.layers.draws import own_generator
from seqrec.objective.next_item import NextItem
from seqrec.shapes import EvalBatch, History, TrainBatch, at_position


class Views:
    """``next_item + weight * contrast``, where two augmented views of a row attract each other.

    The views' summaries at their last positions are told from those of the other rows of the batch
    by NT-Xent (Chen et al. 2020, SimCLR, equation 1); rows of the same user, other stretches of
    one history, aren't told apart. It takes three passes of the model instead of one. With several
    processes each compares its own rows.

    Args:
        loss: compares queries with targets.
        negatives: sampler, for losses that need negatives.
        augment: makes a view of a batch, twice with other random numbers.
        weight: of the contrast, at least 0.
        temperature: what cosines are divided by, more than 0.
    """

    trains: ClassVar[str] = "causal"
    bounds: ClassVar[dict[str, tuple[float, float]]] = {
        "weight": (0, 1e6),
        "temperature": (1e-3, 1e3),
    }

    def __init__(
        self,
        *,
        loss: Loss,
        negatives: NegativeSampler,
        augment: Augment,
        weight: float = 0.1,
        temperature: float = 1.0,
    ) -> None:
        if weight < 0 or temperature <= 0:
            raise ValueError(
                f"objective.weight={weight} must be at least 0 and temperature={temperature} more "
                "than 0"
            )
        self.next_item = NextItem(loss=loss, negatives=negatives)
        self.augment, self.weight, self.temperature = augment, weight, temperature

    @staticmethod
    def ask(history: History) -> History:
        """Return the history: the contrast changes only what is learned."""
        return history

    def __call__(self, model: Model, batch: TrainBatch) -> tuple[Tensor, int, dict[str, Tensor]]:
        """Return the mean loss with the contrast, the number of targets, and both terms."""
        loss, targets, _ = self.next_item.of(model, batch, model(batch.history))
        generator = own_generator(batch.history.item_BL.device)
        one_BD, other_BD = (_last(model, self.augment(batch, generator).history) for _ in range(2))
        contrast = nt_xent(one_BD, other_BD, batch.history.user_B, self.temperature)
        terms = {"next_item": loss, "views": contrast}
        return loss + self.weight * contrast, len(targets.item_N), terms

    def held_out(self, model: Model, query_BD: Tensor, batch: EvalBatch) -> Tensor:
        """Return the mean loss of the next item at held-out events."""
        return self.next_item.held_out(model, query_BD, batch)

    def scores_bytes(self, n_items: int, device_type: str, *, half: bool) -> int:
        """Return the bytes of scores that the loss holds at once."""
        return self.next_item.scores_bytes(n_items, device_type, half=half)


def _last(model: Model, history: History) -> Tensor:
    return at_position(model(history), history.length_B - 1)


def nt_xent(one_BD: Tensor, other_BD: Tensor, user_B: Tensor, temperature: float) -> Tensor:
    """Return the mean cross-entropy of finding each view's other one, a float32 scalar.

    Args:
        one_BD, other_BD: both views of each row.
        user_B: whose views these are; -1: unknown, another user than all others.
        temperature: what cosines are divided by.
    """
    with torch.autocast(one_BD.device.type, enabled=False):
        unit_RD = F.normalize(torch.cat([one_BD, other_BD]).float(), dim=1)  # R = 2 B
        score_RR = unit_RD @ unit_RD.T / temperature
        rows, user_R = len(one_BD), torch.cat([user_B, user_B])
        row_R = torch.arange(2 * rows, device=user_B.device)
        pair_R = (row_R + rows) % (2 * rows)
        same_RR = ((user_R[:, None] == user_R) & (user_R >= 0)) | (row_R[:, None] == row_R)
        same_RR = same_RR.scatter(1, pair_R[:, None], value=False)
        return F.cross_entropy(score_RR.masked_fill(same_RR, -torch.inf), pair_R)
