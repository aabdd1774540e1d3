"""Exact lists of many queries at once, against a sort."""

import numpy as np
import pytest

from seqrec.nightly.top import Scorable, top_items

NOTHING = np.empty(0, np.int64)


def sorted_lists(query_BD, table_VD, bias_V, allowed_V, pairs, k):
    score_BV = query_BD @ table_VD.T + (0 if bias_V is None else bias_V)
    score_BV[:, ~allowed_V] = -np.inf
    score_BV[:, 0] = -np.inf
    score_BV[pairs] = -np.inf
    item_BK = np.argsort(-score_BV, axis=1, kind="stable")[:, :k]
    score_BK = np.take_along_axis(score_BV, item_BK, 1)
    return np.where(score_BK == -np.inf, 0, item_BK), score_BK


@pytest.mark.parametrize("order", ["random", "rising", "falling", "tied"])
@pytest.mark.parametrize(("k", "width"), [(1, 64), (10, 64), (10, 1024), (300, 64), (5000, 256)])
def test_lists_are_those_of_a_sort(order, k, width):
    rng = np.random.default_rng(0)
    table = rng.integers(-3, 4, (2500, 4)).astype(np.float32)  # products without rounding
    query = rng.integers(-3, 4, (33, 4)).astype(np.float32)
    if order in ("rising", "falling"):
        query[:] = 1
        table = np.repeat(np.arange(2500, dtype=np.float32)[:, None], 4, 1)
        table = table if order == "rising" else -table
    if order == "tied":
        table[:] = 0
    bias = rng.integers(0, 2, 2500).astype(np.float32) if order == "random" else None
    allowed = rng.random(2500) < 0.9
    pairs = rng.integers(0, 33, 200), rng.integers(1, 2500, 200)
    found = top_items(
        query,
        Scorable(table, bias, allowed),
        k=k,
        seen_row_P=pairs[0],
        seen_item_P=pairs[1],
        width=width,
    )
    wanted = sorted_lists(query, table, bias, allowed, pairs, k)
    for given, expected in zip(found, wanted, strict=True):
        np.testing.assert_array_equal(given[:, : expected.shape[1]], expected)
        assert not (given[:, expected.shape[1] :] > 0).any()


def test_a_small_choice_is_a_table_of_its_own():
    rng = np.random.default_rng(1)
    table, query = rng.normal(size=(2, 900, 8)).astype(np.float32)
    query, allowed = query[:20], np.zeros(900, bool)
    allowed[[0, 3, 44, 45, 899]] = True
    pairs = np.array([0, 1, 2]), np.array([44, 44, 100])
    items = Scorable(table, None, allowed)
    assert items.table_VD.shape == (4, 8)
    item, score = top_items(query, items, k=6, seen_row_P=pairs[0], seen_item_P=pairs[1])
    wanted, _ = sorted_lists(query, table, None, allowed, pairs, 6)
    np.testing.assert_array_equal(item, wanted)
    assert (item[0] > 0).sum() == 3 and (score[0, 3:] == -np.inf).all()


def test_what_isnt_a_number_is_never_listed():
    rng = np.random.default_rng(2)
    table = rng.normal(size=(200, 8)).astype(np.float32)
    query = rng.normal(size=(5, 8)).astype(np.float32)
    table[7, 3], table[9, 0], query[2, 1] = np.nan, np.inf, np.nan
    items = Scorable(table, None, np.ones(200, bool))
    item, score = top_items(query, items, k=199, seen_row_P=NOTHING, seen_item_P=NOTHING)
    assert (item[2] == 0).all() and (score[2] == -np.inf).all()
    assert not np.isin(item, [7, 9]).any() and (item[0] > 0).sum() == 197


def test_no_items_give_empty_lists():
    items = Scorable(np.ones((4, 2), np.float32), None, np.zeros(4, bool))
    query = np.ones((3, 2), np.float32)
    item, score = top_items(query, items, k=2, seen_row_P=NOTHING, seen_item_P=NOTHING)
    assert item.tolist() == [[0, 0]] * 3 and (score == -np.inf).all()
