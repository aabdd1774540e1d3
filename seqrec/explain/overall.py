"""Which events matter over all users: by distance from the end, item, category, column."""

from typing import Any

import numpy as np
import polars as pl
import torch
from torch import Tensor

from seqrec.ranking.categories import Categories

ITEMS = 20  # that are named
FIRST = (1, 2, 3, 4, 6, 11, 21, 51, 101)  # distance with which each group begins


def by_distance(events: pl.DataFrame, methods: list[str]) -> list[dict[str, Any]]:
    """Return each group of distances: its share of the events, and of the weight by method.

    A user's weights count by their absolute value over the sum of them, so all users count alike.

    Args:
        events: see :func:`~seqrec.explain.estimates.long_table`.
        methods: the methods.
    """
    group = np.searchsorted(FIRST, events["distance"].to_numpy(), side="right") - 1
    last = [*(str(first - 1) for first in FIRST[1:]), ""]
    names = [
        str(first) if end == str(first) else f"{first}-{end}" if end else f"{first} or more"
        for first, end in zip(FIRST, last, strict=True)
    ]
    shared = _shares(events, methods).with_columns(group=group)
    return _sums(shared, methods, lambda code: names[code])


def by_category(
    events: pl.DataFrame, methods: list[str], categories: Categories | None, names: list[str]
) -> list[dict[str, Any]]:
    """Return each category of items, those with most weight of the first method first.

    An item of several categories counts in equal parts.

    Args:
        events, methods: see :func:`by_distance`.
        categories: of the items; None: there are none.
        names: of the codes 1, 2, ...
    """
    if categories is None:
        return []
    code_EM = categories.code_VM[events["item"].to_numpy()]
    number_E = np.maximum(1, (code_EM > 0).sum(1))
    row, column = np.nonzero(code_EM)
    shared = _shares(events, methods)[row].with_columns(
        pl.exclude("user") / pl.Series(number_E[row]), group=pl.Series(code_EM[row, column])
    )
    rows = _sums(shared, methods, lambda code: names[code - 1])
    return sorted(rows, key=lambda row: -row["events"])


def by_item(events: pl.DataFrame, methods: list[str], titles: list[str]) -> list[dict[str, Any]]:
    """Return the items that have most weight, the mean over the methods, those of most first.

    Args:
        events, methods: see :func:`by_distance`.
        titles: of the items, by index less 1.
    """
    shared = _shares(events, methods).with_columns(group=events["item"])
    rows = _sums(shared, methods, lambda code: titles[code - 1])
    return sorted(rows, key=lambda row: -sum(row["weight"].values()))[:ITEMS]


def by_column(column: dict[str, dict[str, Tensor]]) -> dict[str, dict[str, float]]:
    """Return each column's share of the absolute weight, by method, the mean over users.

    Args:
        column: by method and column, ``weight_UL``, zero beyond a history's end.
    """
    found = {}
    for method, weight in column.items():
        sum_CU = torch.stack([weight_UL.abs().sum(1) for weight_UL in weight.values()])
        share_C = (sum_CU / sum_CU.sum(0)).nan_to_num().mean(1)
        found[method] = dict(zip(weight, share_C.tolist(), strict=True))
    return found


def _shares(events: pl.DataFrame, methods: list[str]) -> pl.DataFrame:
    """Return each event's share of its user's events, and of the absolute weights."""
    weights = [pl.col(f"weight.{method}").abs().alias(method) for method in methods]
    table = events.select("user", *weights, events=pl.lit(1.0))
    return table.with_columns(
        (pl.exclude("user") / pl.exclude("user").sum().over("user")).fill_nan(0.0)
    )


def _sums(shared: pl.DataFrame, methods: list[str], name: Any) -> list[dict[str, Any]]:
    users = shared["user"].n_unique()
    summed = shared.group_by("group").agg(pl.col("events", *methods).sum() / users).sort("group")
    return [
        {
            "group": name(row["group"]),
            "events": round(row["events"], 4),
            "weight": {method: round(row[method], 4) for method in methods},
        }
        for row in summed.iter_rows(named=True)
    ]
