"""What an audit makes of the values of users."""

import numpy as np
import polars as pl
import pytest
import torch

from seqrec.explain.estimates import agreement, estimate, long_table, spearman
from seqrec.explain.overall import by_category, by_column, by_distance, by_item
from seqrec.ranking.categories import encode


def test_a_difference_is_paired_and_adjusted():
    rng = np.random.default_rng(0)
    hard = rng.normal(0, 5, 200)  # users differ far more than methods
    value = {
        "random": {"DEL@1": hard},
        "recency": {"DEL@1": hard + 0.01 * rng.normal(size=200)},
        "good": {"DEL@1": hard - 0.3 + 0.1 * rng.normal(size=200)},
        "same": {"DEL@1": hard + 0.1 * rng.normal(size=200)},
    }
    found = estimate(value, replicates=500)
    good, same = (found[name]["DEL@1"]["against"] for name in ("good", "same"))
    assert good["random"]["mean"] == pytest.approx(-0.3, abs=0.05)
    assert good["random"]["low"] < -0.25 < good["random"]["high"] + 0.1
    assert good["random"]["p"] < 0.05 < same["random"]["p"]
    assert not found["random"]["DEL@1"]["against"]


def test_users_without_a_value_do_not_count():
    short = np.array([0.0, 1.0, np.nan, np.nan])
    value = {name: {"a": short, "b": np.full(4, np.nan)} for name in ("random", "recency")}
    found = estimate(value, replicates=100)
    assert found["random"]["a"]["mean"] == 0.5 and found["random"]["a"]["users"] == 2
    assert "b" not in found["random"]


def events(**weight):
    item_UL = torch.tensor([[3, 1, 2, 0], [2, 2, 1, 3]])
    return long_table(
        item_UL, torch.tensor([3, 4]), {k: torch.tensor(v) for k, v in weight.items()}
    )


def test_rank_correlation_is_within_users():
    table = events(
        a=[[1.0, 2, 3, 9], [10, 20, 30, 40]],
        b=[[100.0, 200, 300, 0], [1, 2, 3, 4]],
        c=[[3.0, 2, 1, 0], [4, 3, 2, 1]],
        flat=[[1.0, 1, 1, 1], [1, 1, 1, 1]],
    )
    assert spearman(table, "weight.a", "weight.b") == pytest.approx(1)
    assert spearman(table, "weight.a", "weight.c") == pytest.approx(-1)
    assert spearman(table, "weight.a", "weight.flat") is None


def test_methods_agree_by_their_first_three():
    table = events(a=[[1.0, 2, 3, 0], [1, 2, 3, 4]], b=[[1.0, 2, 3, 0], [4, 3, 2, 1]])
    place = {
        "a": torch.tensor([[2, 1, 0, 3], [3, 2, 1, 0]]),
        "b": torch.tensor([[2, 1, 0, 3], [0, 1, 2, 3]]),
    }
    [row] = agreement(table, place, torch.tensor([3, 4]))
    assert row["top3"] == pytest.approx(2 / 3)  # of the only user with more than three events
    assert row["spearman"] == pytest.approx(0)


def test_shares_of_distances_and_categories_sum_to_one():
    table = events(a=[[0.0, 0, -2, 0], [1, 1, 1, 1]])
    near = by_distance(table, ["a"])
    assert [row["group"] for row in near] == ["1", "2", "3", "4-5"]
    assert [row["weight"]["a"] for row in near] == [0.625, 0.125, 0.125, 0.125]
    assert sum(row["events"] for row in near) == pytest.approx(1, abs=1e-3)
    kinds = encode(pl.Series("kind", [["x"], ["x", "y"], ["y"]]))
    rows = by_category(table, ["a"], kinds, ["x", "y"])
    assert {row["group"]: row["weight"]["a"] for row in rows} == {"x": 0.5, "y": 0.5}
    assert by_category(table, ["a"], None, []) == []


def test_items_are_summed_over_users_and_named():
    table = events(a=[[1.0, 1, 2, 9], [0, 0, 4, -4]])
    rows = {row["group"]: row for row in by_item(table, ["a"], ["one", "two", "three"])}
    assert rows["three"]["weight"]["a"] == pytest.approx((1 / 4 + 1 / 2) / 2, abs=1e-4)
    assert rows["two"]["events"] == pytest.approx((1 / 3 + 2 / 4) / 2, abs=1e-4)
    assert sum(row["weight"]["a"] for row in rows.values()) == pytest.approx(1, abs=1e-3)


def test_columns_have_shares_of_the_absolute_weight():
    item_UL, kind_UL = torch.tensor([[1.0, -1], [0, 3]]), torch.tensor([[2.0, 0], [0, 1]])
    found = by_column({"a": {"item": item_UL, "item.kind": kind_UL}})
    assert found == {"a": {"item": pytest.approx(0.625), "item.kind": pytest.approx(0.375)}}
