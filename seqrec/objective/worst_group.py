"""Prediction of the next item where it goes worst (Sagawa et al. 2020, group DRO)."""

from collections.abc import Callable
from typing import ClassVar

import polars as pl
import torch
from torch import Tensor, nn

from seqrec.contracts import Loss, Model, NegativeSampler
from seqrec.objective._groups import Groups
from seqrec.objective.next_item import NextItem
from seqrec.shapes import EvalBatch, TrainBatch


class WorstGroup(nn.Module):
    """``sum_g q_g L_g``, where q follows the groups that lose most (algorithm 1).

    After each step ``q_g`` grows by the factor ``exp(step L_g)`` and all are normalised; q begins
    even and is kept in checkpoints. Of a batch, the groups that are in it count, with their shares
    normalised. A target in no group isn't learned from. On several processes q is that of the
    first one.

    Args:
        loss: compares queries with targets.
        negatives: sampler, for losses that need negatives.
        n_items: items without the padding id.
        n_users: users of the store.
        users: returns the table of users.
        own_items: returns the users' items in training; see :class:`~seqrec.facts.Facts`.
        by: ``activity`` (light and active users, cut at the median), or a column of the users.
        step: size of a step of q, at least 0; with 0 all groups count alike, whatever their size.
    """

    trains: ClassVar[str] = "causal"
    bounds: ClassVar[dict[str, tuple[float, float]]] = {"step": (0, 10)}
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
        step: float = 0.01,
    ) -> None:
        super().__init__()
        self.next, self.step = NextItem(loss=loss, negatives=negatives), step
        self.groups = Groups(by, n_items=n_items, n_users=n_users, users=users, own_items=own_items)
        self.share_G: Tensor
        self.register_buffer("share_G", torch.full((self.groups.count,), 1 / self.groups.count))

    def forward(self, model: Model, batch: TrainBatch) -> tuple[Tensor, int, dict[str, Tensor]]:
        """Return the weighted loss, the number of targets, and the loss as a term."""
        loss, targets, own = self.groups.losses(self.next, model, batch)
        if not own:
            return loss * 0, targets, {"worst_group": loss * 0}
        each_P, code_P = torch.stack([*own.values()]), list(own)
        if self.training and torch.is_grad_enabled():
            share_G = self.share_G.clone()
            share_G[code_P] *= (self.step * each_P.detach()).exp()
            self.share_G = share_G / share_G.sum()
        share_P = self.share_G[code_P]
        worst = (share_P * each_P).sum() / share_P.sum()
        return worst, targets, {"worst_group": worst}

    def held_out(self, model: Model, query_BD: Tensor, batch: EvalBatch) -> Tensor:
        """Return the mean loss at held-out events, where all count alike."""
        return self.next.held_out(model, query_BD, batch)

    def scores_bytes(self, n_items: int, device_type: str, *, half: bool) -> int:
        """Return the bytes of scores that the loss holds at once."""
        return self.next.scores_bytes(n_items, device_type, half=half)
