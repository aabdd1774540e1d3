"""How much of a list is forbidden by declared rules."""

from typing import Any, ClassVar

import numpy as np

from seqrec.ranking.lists import Lists, Values
from seqrec.rerank._rule import read_rules


class Violations:
    """``violations@k``: the share of a list's items that a rule forbids, for this history.

    An empty list isn't counted.

    Args:
        rules: such as ``{if: {column: value}, never: {column: value}}``; ``seqrec/rerank/_rule.py``
            has their form. Other actions than ``never`` forbid no single item, and are refused.
    """

    needs: ClassVar[tuple[str, ...]] = ("items",)

    def __init__(self, *, rules: list[Any]) -> None:
        others = [rule for rule in rules if not isinstance(rule, dict) or "never" not in rule]
        if others or not rules:
            raise ValueError(
                f"rules={rules}: each must have never, such as {{never: {{genres: Horror}}}}; no "
                "other rule forbids an item"
            )
        self.rules = rules

    def __call__(self, lists: Lists) -> dict[str, Values]:
        """Return the share of each list, in 0 .. 1."""
        assert lists.items is not None, "it is needed"
        forbidden_RK = np.zeros(lists.top_RK.shape, dtype=bool)
        for rule in read_rules(self.rules, lists.items()):
            assert rule.item_V is not None, "never has items"
            match_RK = rule.item_V.numpy()[lists.top_RK]
            if rule.if_V is not None:
                running = np.concatenate([[0], np.cumsum(rule.if_V.numpy()[lists.item])])
                holds_R = running[lists.view.end] > running[lists.view.start]
                match_RK = match_RK & holds_R[:, None]
            forbidden_RK |= match_RK
        found = {}
        for k in lists.ks:
            length_R = (lists.top_RK[:, :k] > 0).sum(1)
            filled_R = np.where(length_R > 0, length_R, np.nan)
            found[f"violations@{k}"] = Values.of(forbidden_RK[:, :k].sum(1) / filled_R)
        return found
