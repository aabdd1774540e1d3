"""Prediction of the next item, with a price on the gap between groups of users."""

from collections.abc import Callable
from typing import ClassVar

import polars as pl
import torch
from torch import Tensor

from seqrec.contracts import Loss, Model, NegativeSampler
from seqrec.objective._groups import Groups
from seqrec.objective.next_item import NextItem
from seqrec.shapes import EvalBatch, TrainBatch


class Group:
    """``L + weight (max_g L_g - min_g L_g)`` over the groups' mean losses in a batch.

    Of two groups the gap is ``|L_a - L_b|`` (Yao and Huang 2017, "Beyond parity", with the loss for
    the error). A batch with one group has no gap. Losses are those of a process's own batch, so
    more processes see more, smaller gaps.

    Args:
        loss: compares queries with targets.
        negatives: sampler, for losses that need negatives.
        n_items: items without the padding id.
        n_users: users of the store.
        users: returns the table of users.
        own_items: returns the users' items in training; see :class:`~seqrec.facts.Facts`.
        by: ``activity`` (light and active users, cut at the median), or a column of the users.
        weight: of the gap, at least 0.
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
        n_users: int,
        users: Callable[[], pl.DataFrame] | None = None,
        own_items: Callable[[], Tensor] | None = None,
        by: str = "activity",
        weight: float = 0.5,
    ) -> None:
        self.next, self.weight = NextItem(loss=loss, negatives=negatives), weight
        self.groups = Groups(by, n_items=n_items, n_users=n_users, users=users, own_items=own_items)

    def __call__(self, model: Model, batch: TrainBatch) -> tuple[Tensor, int, dict[str, Tensor]]:
        """Return the mean loss with the gap, the number of targets, and the two terms."""
        loss, targets, own = self.groups.losses(self.next, model, batch)
        each = torch.stack([*own.values()]) if own else loss.new_zeros(1)
        gap = self.weight * (each.max() - each.min())
        return loss + gap, targets, {"next_item": loss, "gap": gap}

    def held_out(self, model: Model, query_BD: Tensor, batch: EvalBatch) -> Tensor:
        """Return the mean loss at held-out events, where all count alike."""
        return self.next.held_out(model, query_BD, batch)

    def scores_bytes(self, n_items: int, device_type: str, *, half: bool) -> int:
        """Return the bytes of scores that the loss holds at once."""
        return self.next.scores_bytes(n_items, device_type, half=half)
