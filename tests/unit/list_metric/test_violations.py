"""What rules forbid is counted where they hold."""

import numpy as np
import polars as pl
import pytest

from seqrec.list_metric.violations import Violations
from seqrec.ranking.lists import Lists
from seqrec.store.views import View

KINDS = ["war", "war", "toy", "toy", "art"]  # of the items 1 .. 5
TABLE = pl.DataFrame({"index": range(1, 6), "item": list("abcde"), "kind": KINDS})


def lists() -> Lists:
    """Two lists, after the histories [3, 5] and [5, 5]."""
    return Lists(
        top_RK=np.array([[1, 5, 2], [2, 1, 0]]),
        ks=[1, 3],
        rank_R=np.ones(2, dtype=int),
        popular_rank_R=np.ones(2, dtype=int),
        view=View(np.arange(2), np.array([0, 2]), np.array([2, 4])),
        item=np.array([3, 5, 5, 5]),
        count_V=np.ones(6, dtype=int),
        head_V=np.zeros(6, dtype=bool),
        items=lambda: TABLE,
    )


def test_a_rule_counts_where_its_condition_is_in_the_history():
    found = Violations(rules=[{"if": {"kind": "toy"}, "never": {"kind": "war"}}])(lists())
    assert found["violations@1"].total_R.tolist() == [1, 0]
    assert found["violations@3"].total_R.tolist() == pytest.approx([2 / 3, 0])


def test_a_rule_without_a_condition_always_counts_and_no_item_counts_twice():
    rules = [{"never": {"kind": "war"}}, {"never": {"item": "a"}}]
    found = Violations(rules=rules)(lists())
    assert found["violations@3"].total_R.tolist() == pytest.approx([2 / 3, 1])


def test_a_rule_that_forbids_nothing_is_refused():
    with pytest.raises(ValueError, match="each must have never"):
        Violations(rules=[{"once": "kind"}])
