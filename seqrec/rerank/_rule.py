"""Rules as they are written, checked in words, and what they say of each item.

A rule has one action, and may have a condition::

    - {never: {genres: Horror}}                       # behind everything else
    - {if: {genres: Children's}, never: {genres: [Horror, Thriller]}}
    - {if: {brand: Fender}, prefer: {brand: Fender}, by: 10}   # ten places up
    - {once: brand}                                   # of each value one item, then the others
    - {after: sequel_of}                              # the column has the id of an original

``if`` holds for a history with an item that matches. An item matches if each column has one of the
values that are given.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
import torch
from torch import Tensor

from seqrec.config.check.mistakes import unknown
from seqrec.features.columns import flat_values
from seqrec.ranking.categories import encode

ACTIONS = ("never", "prefer", "once", "after")
KEYS = ("if", *ACTIONS, "by")


@dataclass(frozen=True)
class Rule:
    """A rule over a catalogue.

    Args:
        action: one of :data:`ACTIONS`.
        if_V: bool, the items whose place in a history makes the rule hold; None: it always holds.
        item_V: bool, for never and prefer: the items that it is about.
        by: for prefer: the places that they gain.
        code_VM: int64, for once: the values of each item, filled up with 0.
        original_V: int64, for after: the item that has to come first; 0: none.
    """

    action: str
    if_V: Tensor | None
    item_V: Tensor | None = None
    by: int = 0
    code_VM: Tensor | None = None
    original_V: Tensor | None = None


def read_rules(given: Iterable[Any], items: pl.DataFrame) -> list[Rule]:
    """Read the rules for the items of a catalogue.

    Raises:
        ValueError: a rule can't be read, or names a column or a value that no item has; it tells
            all mistakes.
    """
    rules, mistakes = [], []
    for at, rule in enumerate(given):
        try:
            rules.append(_read(rule, items))
        except ValueError as error:
            mistakes.append(f"rules[{at}]: {error}")
    if mistakes:
        raise ValueError("; ".join(mistakes))
    if not rules:
        raise ValueError("rules=[]: give at least one, such as {never: {genres: Horror}}")
    return rules


def _read(rule: Any, items: pl.DataFrame) -> Rule:
    if not isinstance(rule, Mapping):
        raise ValueError(f"{rule!r} isn't a rule; write {{never: {{column: value}}}}")
    for key in rule:
        if key not in KEYS:
            raise ValueError(f"{key}: {unknown(str(key), KEYS)}")
    actions = [key for key in rule if key in ACTIONS]
    if len(actions) != 1:
        raise ValueError(f"it has {len(actions)} actions; give one of {', '.join(ACTIONS)}")
    [action] = actions
    by = rule.get("by", 1)
    if "by" in rule and action != "prefer":
        raise ValueError("by: only prefer has a number of places")
    if not isinstance(by, int) or isinstance(by, bool) or by < 1:
        raise ValueError(f"by={by}: must be a whole number of places, from 1")
    if_V = _matching(rule["if"], items, "if") if "if" in rule else None
    if action in ("never", "prefer"):
        return Rule(action, if_V, item_V=_matching(rule[action], items, action), by=by)
    column = _column(rule[action], items)
    if action == "once":
        return Rule(action, if_V, code_VM=torch.from_numpy(encode(column).code_VM).long())
    return Rule(action, if_V, original_V=_originals(column, items))


def _matching(wanted: Any, items: pl.DataFrame, where: str) -> Tensor:
    """Return the items that match: ``match_V``."""
    if not isinstance(wanted, Mapping) or not wanted:
        raise ValueError(f"{where}: write a column and its value, {{column: value}}")
    match_V = torch.ones(len(items) + 1, dtype=torch.bool)
    match_V[0] = False
    for name, values in wanted.items():
        texts = [str(each) for each in (values if isinstance(values, list) else [values])]
        flat = flat_values(_column(name, items))
        lost = [text for text in texts if text not in flat["value"]]
        if lost:
            some = ", ".join(flat["value"].unique().sort().head(5))
            raise ValueError(f"{where}: no item has {name}={lost[0]!r}; it has {some}, ...")
        having_V = torch.zeros_like(match_V)
        having_V[flat.filter(pl.col("value").is_in(texts))["row"].to_list()] = True
        match_V &= having_V
    return match_V


def _column(name: Any, items: pl.DataFrame) -> pl.Series:
    known = [n for n in items.columns if n != "index" and items[n].null_count() < len(items)]
    if name not in known:
        raise ValueError(f"the items have no column {name!r} with values; they have "
                         f"{', '.join(known)}")  # fmt: skip
    return items[name]


def _originals(column: pl.Series, items: pl.DataFrame) -> Tensor:
    """Return the index of the item whose id each item's column has; 0: none."""
    index = dict(zip(items["item"].to_list(), items["index"].to_list(), strict=True))
    named = flat_values(column)
    original_V = np.zeros(len(items) + 1, dtype=np.int64)
    original_V[named["row"].to_numpy()] = [index.get(each, 0) for each in named["value"]]
    if not original_V.any():
        raise ValueError(f"after: no value of {column.name} is the id of an item")
    return torch.from_numpy(original_V)
