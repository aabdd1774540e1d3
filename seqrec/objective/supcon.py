"""The next item, and positions of the same target brought together (Khosla et al. 2020, SupCon)."""

from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor

from seqrec.contracts import Loss, Model, NegativeSampler
from seqrec.objective.next_item import NextItem
from seqrec.shapes import EvalBatch, History, TrainBatch


class SupCon:
    """``next_item + weight * contrast``, where queries of the same target attract each other.

    As in DuoRec (Qiu et al. 2022) and ICSRec (Qin et al. 2024): two positions of the batch whose
    next item is the same are a pair, and positions of other targets are what it is told from,
    ``-log(exp(s_ab / t) / (exp(s_ab / t) + sum_c exp(s_ac / t)))``, where `s` is the cosine of
    queries. The mean is over pairs. It takes no second pass of the model. With several processes
    each compares its own positions.

    Args:
        loss: compares queries with targets.
        negatives: sampler, for losses that need negatives.
        weight: of the contrast, at least 0.
        temperature: t, more than 0.
        positions: M, how many positions of a batch are drawn to be compared, at least 2; they take
            M x M similarities.
    """

    trains: ClassVar[str] = "causal"
    bounds: ClassVar[dict[str, tuple[float, float]]] = {
        "weight": (0, 1e6),
        "temperature": (1e-3, 1e3),
        "positions": (2, 65536),
    }

    def __init__(
        self,
        *,
        loss: Loss,
        negatives: NegativeSampler,
        weight: float = 0.1,
        temperature: float = 1.0,
        positions: int = 1024,
    ) -> None:
        if weight < 0 or temperature <= 0 or positions < 2:
            raise ValueError(
                f"objective.weight={weight} must be at least 0, temperature={temperature} more "
                f"than 0 and positions={positions} at least 2"
            )
        self.next_item = NextItem(loss=loss, negatives=negatives)
        self.weight, self.temperature, self.positions = weight, temperature, positions

    @staticmethod
    def ask(history: History) -> History:
        """Return the history: the contrast changes only what is learned."""
        return history

    def __call__(self, model: Model, batch: TrainBatch) -> tuple[Tensor, int, dict[str, Tensor]]:
        """Return the mean loss with the contrast, the number of targets, and both terms."""
        loss, targets, query_ND = self.next_item.of(model, batch, model(batch.history))
        count = len(targets.item_N)
        drawn_M = torch.randperm(count, device=query_ND.device)[: self.positions]
        contrast = same_target(query_ND[drawn_M], targets.item_N[drawn_M], self.temperature)
        terms = {"next_item": loss, "supcon": contrast}
        return loss + self.weight * contrast, count, terms

    def held_out(self, model: Model, query_BD: Tensor, batch: EvalBatch) -> Tensor:
        """Return the mean loss of the next item at held-out events."""
        return self.next_item.held_out(model, query_BD, batch)

    def scores_bytes(self, n_items: int, device_type: str, *, half: bool) -> int:
        """Return the bytes of scores that the loss holds at once."""
        return self.next_item.scores_bytes(n_items, device_type, half=half)


def same_target(query_MD: Tensor, item_M: Tensor, temperature: float) -> Tensor:
    """Return the mean contrast of all pairs with the same target, float32; 0 if there is none."""
    with torch.autocast(query_MD.device.type, enabled=False):
        unit_MD = F.normalize(query_MD.float(), dim=1)
        score_MM = unit_MD @ unit_MD.T / temperature
        same_MM = item_M[:, None] == item_M
        apart_M = score_MM.masked_fill(same_MM, -1e9).logsumexp(1)
        pair_MM = same_MM.clone().fill_diagonal_(False)  # few, so the loss is of these alone
        one_P, other_P = pair_MM.nonzero(as_tuple=True)
        loss_P = F.softplus(apart_M[one_P] - score_MM[one_P, other_P])
        return loss_P.sum() / max(1, len(loss_P))
