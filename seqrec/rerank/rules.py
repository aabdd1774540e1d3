"""Rules: if the history has this, then never that, or rather that."""

from collections.abc import Callable
from typing import Any, ClassVar

import polars as pl
import torch
from torch import Tensor, nn

from seqrec.rerank._greedy import fill, row
from seqrec.rerank._rule import Rule, read_rules
from seqrec.shapes import History


class Rules(nn.Module):
    """Obey declared rules over the columns of the items; `rerank/_rule.py` has their form.

    What a rule wants last stands behind all other items of the `depth` that are reordered, so a
    list of k shows it only if fewer than k others are there. Rules are obeyed in this order:
    ``never``, then ``once`` and ``after``, then ``prefer``. ``after`` wants the original in the
    history or above in the list.

    Args:
        items: the item table.
        rules: at least one.
        depth: items that are reordered.
        places: places in which ``once`` and ``after`` are obeyed; items below keep their order.
    """

    bounds: ClassVar = {"depth": (1, 100_000), "places": (1, 100_000)}

    def __init__(
        self,
        *,
        items: Callable[[], pl.DataFrame] | None,
        rules: list[Any],
        depth: int = 200,
        places: int = 20,
    ) -> None:
        super().__init__()
        if items is None:
            raise ValueError("the items of this model aren't known")
        self.depth, self.places = depth, places
        self.rules = read_rules(rules, items())

    def forward(self, item_BK: Tensor, score_BK: Tensor, history: History) -> Tensor:
        """Return ``order_BK``."""
        place_K = torch.arange(item_BK.shape[1], device=item_BK.device)
        never_BK, cost_BK = item_BK == 0, place_K.expand_as(item_BK)
        for rule in self.rules:
            if rule.item_V is not None:
                match_BK = _of(rule.item_V, item_BK) & _holds(rule, history)
                never_BK = never_BK | (match_BK if rule.action == "never" else False)
                cost_BK = cost_BK - match_BK * (rule.by if rule.action == "prefer" else 0)
        last = cost_BK.amax() - cost_BK.amin() + 1
        order_BK = (cost_BK + last * never_BK + last * (item_BK == 0)).argsort(dim=1, stable=True)
        bound = [rule for rule in self.rules if rule.item_V is None]
        if not bound:
            return order_BK
        moved_BK, never_BK = item_BK.gather(1, order_BK), never_BK.gather(1, order_BK)
        return order_BK.gather(1, self._spaced(moved_BK, never_BK, history, bound))

    def _spaced(
        self, item_BK: Tensor, never_BK: Tensor, history: History, rules: list[Rule]
    ) -> Tensor:
        """Return the order in which no item stands above what has to come before it."""
        width = item_BK.shape[1]
        place_K = torch.arange(width, device=item_BK.device)
        holds = [_holds(rule, history) for rule in rules]
        late = [_late_at_first(rule, item_BK, history) for rule in rules]

        def value(place: int) -> Tensor:
            late_BK = torch.stack([a & b for a, b in zip(late, holds, strict=True)]).any(0)
            return -(place_K + width * late_BK + 2 * width * never_BK).float()

        def chosen(place: int, at_B1: Tensor) -> None:
            for at, rule in enumerate(rules):
                late[at] = _late_now(rule, late[at], item_BK, at_B1)

        return fill(item_BK, self.places, value, chosen)


def _late_at_first(rule: Rule, item_BK: Tensor, history: History) -> Tensor:
    """Return which items wait for another: those whose original isn't in the history."""
    if rule.original_V is None:
        return torch.zeros_like(item_BK, dtype=torch.bool)
    original_BK = _of(rule.original_V, item_BK)
    had_BK = (original_BK[:, :, None] == history.item_BL[:, None]).any(2)
    return (original_BK > 0) & ~had_BK


def _late_now(rule: Rule, late_BK: Tensor, item_BK: Tensor, at_B1: Tensor) -> Tensor:
    """Return which items wait, now that one more is listed."""
    if rule.original_V is not None:
        return late_BK & (_of(rule.original_V, item_BK) != item_BK.gather(1, at_B1))
    assert rule.code_VM is not None
    code_BKM = _of(rule.code_VM, item_BK)
    listed_BM = row(code_BKM, at_B1)
    same_BKMM = code_BKM[:, :, :, None] == listed_BM[:, None, None]
    return late_BK | (same_BKMM & (code_BKM > 0)[:, :, :, None]).any(3).any(2)


def _holds(rule: Rule, history: History) -> Tensor:
    """Return for which rows a rule holds: ``holds_B1``."""
    if rule.if_V is None:
        return torch.ones_like(history.length_B, dtype=torch.bool)[:, None]
    return _of(rule.if_V, history.item_BL).any(1, keepdim=True)


def _of(table_V: Tensor, item: Tensor) -> Tensor:
    return table_V.to(item.device)[item]
