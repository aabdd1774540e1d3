"""What users' data is worth: the closed form is the definition, and it says what it should."""

from itertools import permutations
from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest
import torch

from seqrec.explain.users import neighbour_values, removals, table_of, user_values, worth
from seqrec.store.views import View


@pytest.mark.parametrize("k", [1, 2, 3, 9])
def test_the_closed_form_is_the_mean_over_all_orders(k):
    match_QN = torch.tensor([[1, 0, 1, 0, 0], [0, 0, 0, 1, 1]]) > 0
    got = neighbour_values(match_QN, k)
    for match_N, value_N in zip(match_QN.tolist(), got, strict=True):
        want = np.zeros(5)
        for order in permutations(range(5)):
            before = 0.0
            for at, player in enumerate(order):
                nearest = sorted(order[: at + 1])[:k]
                now = sum(match_N[each] for each in nearest) / k
                want[player] += now - before
                before = now
        np.testing.assert_allclose(value_N.numpy(), want / 120, atol=1e-12)


def test_values_sum_to_what_all_users_are_worth():
    match_QN = torch.rand(7, 30, generator=torch.Generator().manual_seed(0)) < 0.3
    total = neighbour_values(match_QN, 5).sum(1)
    torch.testing.assert_close(total, match_QN[:, :5].double().sum(1) / 5)


@pytest.fixture
def data():
    """Two tastes, and a user 6 who has something of both but nothing that is asked for."""
    a, b = [1, 2, 3, 4], [5, 6, 7, 8]
    had = [a, a[::-1], [2, 1, 4, 3], b, b[::-1], [6, 5, 8, 7], [1, 2, 5, 6]]
    users = pl.DataFrame({"index": range(7), "user": list("abcdefg")})
    store = SimpleNamespace(
        n_users=7, n_items=8, item=np.array(had).ravel().astype(np.int32), users=lambda: users
    )
    start = 4 * np.arange(7)
    train = View(np.arange(7), start, start + np.array([3] * 6 + [4]))
    asked = np.array([0, 3])
    return store, train, View(asked, start[asked], start[asked] + 3)


def test_whoever_tells_what_others_want_is_worth_most(data):
    store, train, asked = data
    value_U = user_values(store, train, asked, k=2)
    everybody = torch.ones(7, dtype=torch.bool)
    assert float(value_U.sum()) == pytest.approx(worth(store, train, asked, everybody, k=2))
    assert value_U[6] == value_U.min()
    table = table_of(store, train, value_U)
    assert table["value"].is_sorted(descending=True) and table["events"].sum() == 22


def test_to_lose_the_best_costs_more_than_to_lose_the_rest(data):
    store, train, asked = data
    value_U = user_values(store, train, asked, k=2)
    lost = removals(store, train, asked, value_U, k=2)
    assert lost["least"][0] == lost["most"][0] == lost["random"][0]
    assert lost["most"][-1] < lost["least"][-1]
