"""What every scorer promises, and that scorers which break a promise are found out."""

import pytest
import torch
from helpers.components import DIM, ITEMS, component, names

from seqrec.catalogue import Catalogue

N, S = 12, 6
every = pytest.mark.parametrize("name", names("scorer"))


def case():
    torch.manual_seed(0)
    u_ND = torch.randn(N, DIM, requires_grad=True)
    return u_ND, torch.randn(ITEMS + 1, DIM, requires_grad=True)


def close(one, other):
    torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)


def check_ways_agree(scorer):
    """An item has one score for a query, however it is asked for."""
    u_ND, table_VD = case()
    shelf, query = scorer.catalogue(table_VD), scorer(u_ND)
    item_NS = torch.randint(1, ITEMS + 1, (N, S))
    every_NV = shelf.block(query, 0, ITEMS + 1)
    assert every_NV.shape == (N, len(shelf)) == (N, ITEMS + 1)
    close(shelf.block(query, 3, 9), every_NV[:, 3:9])
    close(shelf.score_shared(query, torch.arange(ITEMS + 1)), every_NV)
    close(shelf.score(query, item_NS), every_NV.gather(1, item_NS))
    close(shelf.score(query, item_NS[:, 0]), every_NV.gather(1, item_NS[:, :1])[:, 0])


def check_rows_stay_apart(scorer):
    """A query's scores don't depend on the other queries."""
    u_ND, table_VD = case()
    shelf = scorer.catalogue(table_VD)
    together = shelf.block(scorer(u_ND), 0, ITEMS + 1)
    for n in range(N):
        close(shelf.block(scorer(u_ND[n : n + 1]), 0, ITEMS + 1), together[n : n + 1])


def check_rounding(scorer):
    """Two sums of a score lie no farther apart than it says, which is little."""
    u_ND, table_VD = case()
    shelf, query, item_N = scorer.catalogue(table_VD), scorer(u_ND), torch.arange(1, N + 1)
    score_N = shelf.score(query, item_N)
    bound_N = shelf.rounding(query, item_N, score_N)
    other_N = shelf.block(query, 0, ITEMS + 1).gather(1, item_N[:, None])[:, 0]
    assert ((score_N - other_N).abs() <= bound_N).all() and (bound_N < 1e-3).all()


def check_gradients(scorer):
    """They are finite and reach the queries and every weight."""
    u_ND, table_VD = case()
    shelf = scorer.catalogue(table_VD)
    shelf.score(scorer(u_ND), torch.randint(1, ITEMS + 1, (N, S))).square().mean().backward()
    for weight in (u_ND, *scorer.parameters()):
        assert weight.grad is not None and weight.grad.isfinite().all()
    assert u_ND.grad.abs().sum() > 0


CHECKS = [check_ways_agree, check_rows_stay_apart, check_rounding, check_gradients]


@every
@pytest.mark.parametrize("check", CHECKS)
def test_a_scorer_keeps_its_promise(check, name):
    check(component("scorer", name).eval())


class Broken(torch.nn.Module):
    """The item table, with queries that `change` spoils."""

    def __init__(self, change=None, shelf=Catalogue):
        super().__init__()
        self.change, self.shelf = change or (lambda u_ND: u_ND), shelf

    def forward(self, u_ND):
        return self.change(u_ND)

    def catalogue(self, table_VD):
        return self.shelf(table_VD)


class Halved(Catalogue):
    def score_shared(self, query_ND, item_S):
        return super().score_shared(query_ND, item_S) / 2


class Careless(Catalogue):
    def rounding(self, query_ND, item_N, score_N):
        return torch.zeros_like(score_N) - 1e-6


@pytest.mark.parametrize(
    ("check", "broken"),
    [
        (check_ways_agree, Broken(shelf=Halved)),
        (check_rows_stay_apart, Broken(lambda u_ND: u_ND - u_ND.mean(0))),
        (check_rounding, Broken(shelf=Careless)),
        (check_gradients, Broken(lambda u_ND: (u_ND * 0).sqrt() + u_ND)),
    ],
)
def test_a_broken_scorer_is_found_out(check, broken):
    with pytest.raises(AssertionError):
        check(broken)


def test_cosine_scores_are_bounded_by_the_temperature():
    scorer = component("scorer", "cosine", temperature=0.5)
    shelf = scorer.catalogue(torch.randn(ITEMS + 1, DIM) * 100)
    scores = shelf.score_shared(scorer(torch.randn(N, DIM)), torch.arange(1, ITEMS + 1))
    assert scores.abs().max() <= 2 + 1e-5
