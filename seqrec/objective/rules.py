"""The next item, with a penalty on scores that go against declared rules."""

from collections.abc import Callable
from typing import Any, ClassVar

import polars as pl
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from seqrec.contracts import Loss, Model, NegativeSampler, Ranked
from seqrec.objective.next_item import NextItem, targets_of
from seqrec.rerank._rule import read_rules
from seqrec.shapes import EvalBatch, History, Targets, TrainBatch

ORDERS = ("never", "prefer")  # the actions that order two items


class Rules(nn.Module):
    """``next_item + weight * penalty``, the penalty ``max(0, margin - s(i+) + s(i-))`` (mean).

    It is the hinge of pairs that a rule orders (Joachims 2002, "Optimizing search engines using
    clickthrough data", section 4, where clicks order them). Where ``never`` holds, i- is an item
    that it forbids and i+ the target, unless that is forbidden too; where ``prefer`` holds, i+ is a
    preferred item and i- any other. A rule with ``if`` holds from the first item on that matches.
    ``rerank=rules`` obeys the same rules strictly, and those about lists (once, after), which order
    no two items by themselves.

    Args:
        loss: compares queries with targets.
        negatives: sampler, for losses that need negatives.
        items: returns the item table.
        rules: at least one; ``seqrec/rerank/_rule.py`` has their form.
        weight: of the penalty.
        margin: by how much i+ should lead.
        pairs: items that are drawn for each rule and step.
    """

    trains: ClassVar[str] = "causal"
    bounds: ClassVar = {"weight": (0, 1_000_000), "margin": (0, 1000), "pairs": (1, 100_000)}
    if_RV: Tensor
    item_RV: Tensor

    def __init__(
        self,
        *,
        loss: Loss,
        negatives: NegativeSampler,
        items: Callable[[], pl.DataFrame] | None,
        rules: list[Any],
        weight: float = 1.0,
        margin: float = 1.0,
        pairs: int = 64,
    ) -> None:
        super().__init__()
        if items is None:
            raise ValueError("the items of this model aren't known")
        self.next_item = NextItem(loss=loss, negatives=negatives)
        self.weight, self.margin, self.pairs = weight, margin, pairs
        self.actions: list[str] = []
        if_RV, item_RV = [], []
        for at, rule in enumerate(read_rules(rules, items())):
            if rule.action not in ORDERS or rule.item_V is None:
                raise ValueError(
                    f"rules[{at}]: {rule.action} is about a list and orders no two items by "
                    "themselves; rerank=rules obeys it"
                )
            if not 0 < int(rule.item_V.sum()) < len(rule.item_V) - 1:
                raise ValueError(f"rules[{at}]: {rule.action} is about none of the items, or all")
            self.actions.append(rule.action)
            item_RV.append(rule.item_V)
            always_V = torch.arange(len(rule.item_V)) > 0
            if_RV.append(always_V if rule.if_V is None else rule.if_V)
        self.register_buffer("if_RV", torch.stack(if_RV), persistent=False)
        self.register_buffer("item_RV", torch.stack(item_RV), persistent=False)

    @staticmethod
    def ask(history: History) -> History:
        """Return the history: a causal model predicts at its last position."""
        return history

    def forward(self, model: Model, batch: TrainBatch) -> tuple[Tensor, int, dict[str, Tensor]]:
        """Return the mean loss, the number of targets, and the terms ``next_item``, ``rules``."""
        loss, targets, query_ND = self.next_item.of(model, batch, model(batch.history))
        column_N = targets_of(batch)[1]
        holds_RBL = self.if_RV[:, batch.history.item_BL].cummax(dim=2).values
        holds_RN = holds_RBL[:, targets.row_N, column_N]
        with torch.autocast(query_ND.device.type, enabled=False):
            penalty = self.penalty(query_ND.float(), targets, model.catalogue(), holds_RN)
        terms = {"next_item": loss, "rules": penalty}
        return loss + self.weight * penalty, len(targets.item_N), terms

    def penalty(
        self, query_ND: Tensor, targets: Targets, catalogue: Ranked, holds_RN: Tensor
    ) -> Tensor:
        """Return the mean over the rules' pairs of how far i+ falls short of its lead."""
        own_N1 = catalogue.score(query_ND, targets.item_N)[:, None]
        short, counted = own_N1.new_zeros(()), own_N1.new_zeros(())
        for action, item_V, holds_N in zip(self.actions, self.item_RV, holds_RN, strict=True):
            named_NS = catalogue.score_shared(query_ND, self._draw(item_V))
            if action == "never":
                lead_NS, holds_N = own_N1 - named_NS, holds_N & ~item_V[targets.item_N]
            else:
                other_V = ~item_V
                other_V[0] = False
                lead_NS = named_NS - catalogue.score_shared(query_ND, self._draw(other_V))
            short = short + (F.relu(self.margin - lead_NS).mean(1) * holds_N).sum()
            counted = counted + holds_N.sum()
        return short / counted.clamp(min=1)

    def _draw(self, among_V: Tensor) -> Tensor:
        """Draw items, uniformly and with repeats, from those that are marked."""
        return torch.multinomial(among_V.float(), self.pairs, replacement=True)

    def held_out(self, model: Model, query_BD: Tensor, batch: EvalBatch) -> Tensor:
        """Return the mean loss at held-out events, without the penalty."""
        return self.next_item.held_out(model, query_BD, batch)

    def scores_bytes(self, n_items: int, device_type: str, *, half: bool) -> int:
        """Return the bytes of scores that the loss holds at once."""
        return self.next_item.scores_bytes(n_items, device_type, half=half)
