"""Prediction of the next item under vectors changed to hurt it (He et al. 2018, APR)."""

from typing import ClassVar

import torch
from torch import Tensor

from seqrec.contracts import Loss, Model, NegativeSampler
from seqrec.objective.next_item import NextItem
from seqrec.shapes import EvalBatch, TrainBatch

LEAST = 1e-12  # length of a gradient below which it points nowhere


class Adversarial:
    """``L(x) + weight L(x + delta)`` with ``delta_t = size |x_t| g_t / |g_t|``, ``g = dL / dx``.

    The fast gradient method (Goodfellow et al. 2015; Miyato et al. 2017, equation 7) at the
    encoder's input: each event's vector goes the way that raises the loss most. Its length is a
    share of the vector's own, in place of Miyato's normalised vectors, so that a model can't escape
    by making its vectors long. He et al. change the tables; here an item has a change of its own
    at each event, and the table that items are scored by stays as it is. No gradient flows through
    ``delta``. A step takes two passes.

    Args:
        loss: compares queries with targets.
        negatives: sampler, for losses that need negatives; the passes have draws of their own.
        size: length of a change over that of the vector, above 0.
        weight: of the loss under the changes, at least 0.
    """

    trains: ClassVar[str] = "causal"
    bounds: ClassVar[dict[str, tuple[float, float]]] = {"size": (0, 10), "weight": (0, 1000)}
    ask = staticmethod(NextItem.ask)

    def __init__(
        self, *, loss: Loss, negatives: NegativeSampler, size: float = 0.1, weight: float = 1.0
    ) -> None:
        if not size > 0:
            raise ValueError(f"objective.size={size} must be above 0")
        self.next, self.size, self.weight = NextItem(loss=loss, negatives=negatives), size, weight

    def __call__(self, model: Model, batch: TrainBatch) -> tuple[Tensor, int, dict[str, Tensor]]:
        """Return the sum of both losses, the number of targets, and the two terms."""
        history = batch.history
        x_BLD = model.embed(history)
        loss, targets, _ = self.next.of(model, batch, model.read(x_BLD, history))
        (slope_BLD,) = torch.autograd.grad(loss, x_BLD, retain_graph=True)
        hurt_BLD = x_BLD + worst(x_BLD, slope_BLD, self.size)
        under, _, _ = self.next.of(model, batch, model.read(hurt_BLD, history))
        terms = {"next_item": loss, "adversarial": self.weight * under}
        return loss + self.weight * under, len(targets.item_N), terms

    def held_out(self, model: Model, query_BD: Tensor, batch: EvalBatch) -> Tensor:
        """Return the mean loss at held-out events, without changes."""
        return self.next.held_out(model, query_BD, batch)

    def scores_bytes(self, n_items: int, device_type: str, *, half: bool) -> int:
        """Return the bytes of scores that the loss holds at once."""
        return self.next.scores_bytes(n_items, device_type, half=half)


def worst(x_BLD: Tensor, slope_BLD: Tensor, size: float) -> Tensor:
    """Return the change of each vector along its slope, `size` times as long as the vector."""
    slope_BLD = slope_BLD.float()
    way_BLD = slope_BLD / slope_BLD.norm(dim=-1, keepdim=True).clamp(min=LEAST)
    return (size * x_BLD.detach().norm(dim=-1, keepdim=True) * way_BLD).to(x_BLD.dtype)
