"""What every loss promises, and that losses which break a promise are found out."""

from dataclasses import replace

import pytest
import torch
from helpers.components import DIM, ITEMS, component, names

from seqrec.catalogue import Catalogue
from seqrec.shapes import Negatives, Targets

N, S = 40, 6
every = pytest.mark.parametrize("name", names("loss"))


def case(shared=True):
    """Queries, targets, a catalogue and negatives; the first two take gradients."""
    torch.manual_seed(0)
    query_ND = torch.randn(N, DIM, requires_grad=True)
    table_VD = torch.randn(ITEMS + 1, DIM, requires_grad=True)
    targets = Targets(torch.randint(1, ITEMS + 1, (N,)), torch.arange(N) // 4, torch.rand(N) * 5)
    sampler = component("negatives", "uniform", num=S, shared=shared)
    return query_ND, targets, Catalogue(table_VD), sampler(targets, torch.ones(N // 4, 5).long())


def rows(given, which):
    """The case of some of the positions."""
    query_ND, targets, catalogue, draws = given
    rating_N = targets.rating_N[which]
    some = Targets(targets.item_N[which], targets.row_N[which], rating_N)
    item = draws.item if draws.item.dim() == 1 else draws.item[which]
    log_q = draws.log_q if draws.item.dim() == 1 else draws.log_q[which]
    return query_ND[which], some, catalogue, Negatives(item, log_q, draws.keep_NS[which])


def check_scalar(loss):
    """One float32 number, under autocast too, and close to that without."""
    exact = loss(*case())
    with torch.autocast("cpu", dtype=torch.bfloat16):
        rounded = loss(*case())
    assert exact.shape == rounded.shape == ()
    assert exact.dtype == rounded.dtype == torch.float32
    torch.testing.assert_close(rounded, exact, rtol=0.02, atol=0.02)


def check_gradients(loss):
    """They are finite and reach queries and items, however large the scores are."""
    for shared in (True, False):
        for size in (1, 1000):
            query_ND, targets, catalogue, draws = case(shared)
            loss(query_ND * size, targets, catalogue, draws).backward()
            for weight in (query_ND, catalogue.table_VD):
                assert weight.grad.isfinite().all() and weight.grad.abs().sum() > 0


def check_falls(loss):
    """A loss falls when the targets' scores rise; one of ratings when they come nearer."""
    query_ND, targets, catalogue, draws = case()
    toward_ND = catalogue.table_VD[targets.item_N].detach()
    if loss.needs_ratings:
        error_N = targets.rating_N - loss.predict(query_ND, targets.item_N, catalogue)
        toward_ND = toward_ND * error_N.sign()[:, None].detach()
    nearer = loss(query_ND + 0.02 * toward_ND, targets, catalogue, draws)
    assert nearer < loss(query_ND, targets, catalogue, draws)


def check_mean(loss):
    """It is the mean over positions: of parts it is their mean, so no padding can move it."""
    for shared in (True, False):
        given = case(shared)
        parts = [loss(*rows(given, slice(at, at + 8))) for at in range(0, N, 8)]
        torch.testing.assert_close(loss(*given), torch.stack(parts).mean(), rtol=1e-5, atol=1e-5)


def check_order(loss):
    """The order of positions doesn't matter."""
    given = case(shared=False)
    torch.testing.assert_close(loss(*rows(given, torch.randperm(N))), loss(*given))


def check_left_out(loss):
    """A draw that isn't kept might be any item."""
    if not loss.needs_negatives:
        return
    query_ND, targets, catalogue, draws = case(shared=False)
    out_NS = draws.keep_NS & (torch.rand(N, S) < 0.7)
    left = replace(draws, keep_NS=out_NS)
    other = replace(left, item=torch.where(out_NS, left.item, left.item % ITEMS + 1))
    same = loss(query_ND, targets, catalogue, other)
    torch.testing.assert_close(same, loss(query_ND, targets, catalogue, left))


def check_weights(loss):
    """With weights it is ``sum(w l) / sum(w)``, and equal weights are none."""
    for shared in (True, False):
        query_ND, targets, catalogue, draws = given = case(shared)
        weight_N = torch.rand(N) * (torch.rand(N) < 0.8)
        each_N = torch.stack([loss(*rows(given, slice(at, at + 1))) for at in range(N)])
        weighted = loss(query_ND, replace(targets, weight_N=weight_N), catalogue, draws)
        torch.testing.assert_close(weighted, (weight_N * each_N).sum() / weight_N.sum())
        alike = replace(targets, weight_N=torch.full((N,), 3.0))
        torch.testing.assert_close(loss(query_ND, alike, catalogue, draws), loss(*given))


CHECKS = [
    *(check_scalar, check_gradients, check_falls, check_mean, check_order, check_left_out),
    check_weights,
]


@every
@pytest.mark.parametrize("check", CHECKS)
def test_a_loss_keeps_its_promise(check, name):
    check(component("loss", name))


class Broken:
    """The pairwise loss of each position, put together by `change`."""

    needs_negatives, needs_ratings = True, False

    def __init__(self, change):
        self.change = change

    def __call__(self, query_ND, targets, catalogue, negatives):
        right_N1 = catalogue.score(query_ND, targets.item_N)[:, None]
        if negatives.item.dim() == 1:
            wrong_NS = catalogue.score_shared(query_ND, negatives.item)
        else:
            wrong_NS = catalogue.score(query_ND, negatives.item)
        if targets.weight_N is None:
            return self.change(right_N1, wrong_NS, negatives.keep_NS)
        share_N1 = (targets.weight_N / targets.weight_N.sum() * N)[:, None]
        return self.change(right_N1, wrong_NS, negatives.keep_NS * share_N1)


class WithoutWeights(Broken):
    """Every position counts alike, whatever its weight."""

    def __call__(self, query_ND, targets, catalogue, negatives):
        return super().__call__(query_ND, replace(targets, weight_N=None), catalogue, negatives)


def kept(right_N1, wrong_NS, keep_NS):
    """-log sigmoid of the differences, 0 where not kept."""
    return torch.nn.functional.softplus(wrong_NS - right_N1) * keep_NS


@pytest.mark.parametrize("check", CHECKS)
def test_the_loss_that_the_broken_ones_are_made_of_keeps_them_all(check):
    check(Broken(lambda *given: kept(*given).mean()))


@pytest.mark.parametrize(
    ("check", "change"),
    [
        (check_scalar, lambda *given: kept(*given).mean(1)),
        (check_scalar, lambda *given: kept(*given).mean().double()),
        (check_gradients, lambda *given: (kept(*given).exp() - 1).mean()),
        (check_gradients, lambda *given: kept(*given).mean().detach() + given[0].mean() * 0),
        (check_falls, lambda *given: -kept(*given).mean()),
        (check_mean, lambda *given: kept(*given).sum()),
        (check_mean, lambda *given: kept(*given).sum() / given[2].sum() ** 2),
        (check_order, lambda *given: kept(*given)[: N // 2].mean()),
        (check_left_out, lambda right, wrong, keep: kept(right, wrong, keep * 0 + 1).mean()),
    ],
)
def test_a_broken_loss_is_found_out(check, change):
    with pytest.raises(AssertionError):
        check(Broken(change))


def test_a_loss_that_knows_no_weights_is_found_out():
    with pytest.raises(AssertionError):
        check_weights(WithoutWeights(lambda *given: kept(*given).mean()))
