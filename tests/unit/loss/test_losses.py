"""Losses against their published formulas, and negatives against what they promise."""

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from helpers.components import DIM, ITEMS, component

from seqrec.catalogue import Catalogue
from seqrec.errors import ConfigError
from seqrec.layers import linear_cross_entropy as lce
from seqrec.shapes import Targets

N, S = 40, 6


def catalogue(bias=False):
    table = torch.randn(ITEMS + 1, DIM, requires_grad=True)
    return Catalogue(table, torch.randn(ITEMS + 1, requires_grad=True) if bias else None)


def targets():
    return Targets(torch.randint(1, ITEMS + 1, (N,)), torch.arange(N) // 4, torch.rand(N) * 5)


def negatives_for(targets, shared):
    sampler = component("negatives", "uniform", num=S, shared=shared)
    return sampler(targets, torch.randint(1, ITEMS + 1, (N // 4, 5)))


@pytest.mark.parametrize("options", [{}, {"label_smoothing": 0.1, "temperature": 0.3}])
@pytest.mark.parametrize("size", [1, 40])  # of the vectors: scores that need their maximum, or not
@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("rows", [1, 7, 1000])
def test_linear_cross_entropy_equals_the_naive_form(bias, rows, size, options, monkeypatch):
    monkeypatch.setattr(lce, "chunk_rows", lambda *_: rows)
    query = (torch.randn(N, DIM) * size).requires_grad_()
    shelf, goal = catalogue(bias), targets().item_N
    inputs = [query, shelf.table_VD] + ([shelf.bias_V] if bias else [])

    loss = lce.linear_cross_entropy(query, shelf.table_VD, goal, shelf.bias_V, **options)
    grads = torch.autograd.grad(loss * 2.5, inputs)

    expected = naive(query, shelf, goal, **options)
    torch.testing.assert_close(loss, expected, rtol=1e-5, atol=1e-6)
    for got, wanted in zip(grads, torch.autograd.grad(expected * 2.5, inputs), strict=True):
        torch.testing.assert_close(got, wanted, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("options", [{}, {"label_smoothing": 0.1, "temperature": 0.3}])
@pytest.mark.parametrize("size", [1, 40])
@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("rows", [7, 1000])
def test_a_weighted_linear_cross_entropy_equals_the_naive_form(
    bias, rows, size, options, monkeypatch
):
    monkeypatch.setattr(lce, "chunk_rows", lambda *_: rows)
    query = (torch.randn(N, DIM) * size).requires_grad_()
    shelf, goal, weight_N = catalogue(bias), targets().item_N, torch.rand(N) * 9
    inputs = [query, shelf.table_VD] + ([shelf.bias_V] if bias else [])
    loss = lce.linear_cross_entropy(
        query, shelf.table_VD, goal, shelf.bias_V, weight_N=weight_N, **options
    )
    each_N = naive(query, shelf, goal, reduction="none", **options)
    expected = (weight_N * each_N).sum() / weight_N.sum()
    torch.testing.assert_close(loss, expected, rtol=1e-5, atol=1e-6)
    wanted = torch.autograd.grad(expected * 2.5, inputs)
    for got, want in zip(torch.autograd.grad(loss * 2.5, inputs), wanted, strict=True):
        torch.testing.assert_close(got, want, rtol=1e-5, atol=1e-5)


def test_ligers_kernel_refuses_weights_by_name(monkeypatch):
    monkeypatch.setattr("seqrec.layers.liger_cross_entropy.installed", lambda: True)
    given = targets()
    weighted = replace(given, weight_N=torch.ones(N))
    with pytest.raises(ConfigError, match=r"loss\.kernel=liger"):
        component("loss", "cross_entropy", kernel="liger")(
            torch.randn(N, DIM), weighted, catalogue(), None
        )


def naive(query, shelf, goal, label_smoothing=0.0, temperature=1.0, reduction="mean"):
    scores = query.double() @ shelf.table_VD.double().T
    scores = scores + (0 if shelf.bias_V is None else shelf.bias_V)
    options = {"label_smoothing": label_smoothing, "reduction": reduction}
    loss = F.cross_entropy(scores[:, 1:] / temperature, goal - 1, **options)
    return loss.float()


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("size", [1, 5])  # of the queries: powers beyond what float16 can hold
@pytest.mark.parametrize("bias", [False, True])
def test_products_of_half_precision_are_within_their_rounding(bias, size, dtype):
    query = (torch.randn(N, DIM) * size).requires_grad_()
    shelf, goal = catalogue(bias), targets().item_N
    inputs = [query, shelf.table_VD] + ([shelf.bias_V] if bias else [])
    loss = lce.linear_cross_entropy(query.to(dtype), shelf.table_VD, goal, shelf.bias_V)
    exact = naive(query, shelf, goal)
    assert loss.dtype == torch.float32
    torch.testing.assert_close(loss, exact, rtol=0.01, atol=0)
    exact_grads = torch.autograd.grad(exact, inputs)
    for got, wanted in zip(torch.autograd.grad(loss, inputs), exact_grads, strict=True):
        assert got.dtype == torch.float32
        assert (got - wanted).norm() < 0.02 * wanted.norm()


def test_the_memory_budget_bounds_the_scores():
    assert lce.chunk_rows(1_000_001, "cuda", 64) == 16
    assert lce.chunk_rows(1_000_001, "cuda", 64, half=True) == 8  # with their copies
    assert lce.chunk_rows(1_000_001, "cpu", None) == lce.LEAST_ROWS
    assert lce.chunk_rows(10, "cpu", 64) == lce.MOST_ROWS["cpu"]
    with pytest.raises(ValueError, match=r"loss\.memory_mb=1 is too small: .* take 3\.8 MiB"):
        lce.chunk_rows(1_000_001, "cpu", 1)


@pytest.mark.parametrize(
    "options",
    [{"label_smoothing": 1.0}, {"temperature": 0}, {"memory_mb": 0}],
)
def test_cross_entropy_refuses_what_makes_no_sense(options):
    with pytest.raises(ConfigError, match=f"loss.{next(iter(options))}="):
        component("loss", "cross_entropy", **options)


@pytest.mark.gpu
@pytest.mark.parametrize("kernel", ["torch", "liger"])
@pytest.mark.parametrize("bias", [False, True])
def test_kernels_on_a_gpu_equal_the_naive_form(bias, kernel):
    if kernel == "liger":
        pytest.importorskip("liger_kernel")
    shelf, goal = catalogue(bias), targets()
    query = torch.randn(N, DIM, requires_grad=True)
    inputs = [query, shelf.table_VD] + ([shelf.bias_V] if bias else [])
    options = {"label_smoothing": 0.1, "temperature": 0.3}
    expected = naive(query, shelf, goal.item_N, **options)
    bias_V = shelf.bias_V.cuda() if bias else None
    loss = component("loss", "cross_entropy", kernel=kernel, **options)(
        query.cuda(),
        Targets(goal.item_N.cuda(), goal.row_N.cuda()),
        Catalogue(shelf.table_VD.cuda(), bias_V),
        None,
    )
    torch.testing.assert_close(loss.cpu(), expected, rtol=1e-4, atol=1e-5)
    exact_grads = torch.autograd.grad(expected, inputs)
    for got, wanted in zip(torch.autograd.grad(loss, inputs), exact_grads, strict=True):
        torch.testing.assert_close(got, wanted, rtol=1e-3, atol=1e-5)


def test_linear_cross_entropy_survives_huge_scores():
    query = torch.full((2, 1), 1e4, requires_grad=True)
    table = torch.tensor([[0.0], [1.0], [-1.0]], requires_grad=True)
    loss = lce.linear_cross_entropy(query, table, torch.tensor([1, 2]))
    loss.backward()
    assert loss.item() == pytest.approx(1e4)
    assert query.grad.isfinite().all() and table.grad.isfinite().all()


@pytest.fixture
def sampled():
    """Queries, targets, catalogue, draws; and the scores of targets and draws, and what counts."""
    query, shelf, goal = torch.randn(N, DIM), catalogue(), targets()
    draws = negatives_for(goal, False)
    right = (query * shelf.table_VD[goal.item_N]).sum(-1)
    wrong = torch.einsum("nd,nsd->ns", query, shelf.table_VD[draws.item])
    return (query, goal, shelf, draws), (right, wrong, draws.keep_NS.float())


def binary(right, wrong, keep, power=1.0):
    return -(power * right.sigmoid().log() + ((1 - wrong.sigmoid()).log() * keep).sum(1)).mean()


def beta(t):
    """The power of gBCE."""
    share = S / (ITEMS - 1)
    return share * (t * (1 - 1 / share) + 1 / share)


def pairwise(right, wrong, keep):
    pair_N = -((right[:, None] - wrong).sigmoid().log() * keep).sum(1) / keep.sum(1).clamp(min=1)
    return pair_N.mean()


@pytest.mark.parametrize(
    ("name", "options", "formula"),
    [
        ("bce", {}, binary),
        ("gbce", {}, lambda *scores: binary(*scores, power=beta(0.75))),
        ("gbce", {"t": 0}, binary),
        ("bpr", {}, pairwise),
    ],
)
def test_a_sampled_loss_is_its_papers_formula(sampled, name, options, formula):
    given, scores = sampled
    torch.testing.assert_close(component("loss", name, **options)(*given), formula(*scores))


def test_the_squared_error_is_of_mean_and_score(sampled):
    (query, goal, shelf, _), (right, *_) = sampled
    expected = (3.5 + right - goal.rating_N).square().mean()
    torch.testing.assert_close(component("loss", "mse")(query, goal, shelf, None), expected)


@pytest.mark.parametrize("sampler", ["uniform", "popularity"])
def test_sampled_softmax_estimates_the_full_softmax(sampler):
    """With logQ the estimate comes close under any sampler; without it, it does not."""
    query, shelf, goal = torch.randn(N, DIM), catalogue(), targets()
    full = component("loss", "cross_entropy")(query, goal, shelf, None)
    draws = component("negatives", sampler, num=60_000)(goal, torch.ones(N // 4, 5).long())
    estimate = component("loss", "sampled_softmax")(query, goal, shelf, draws)
    assert estimate.item() == pytest.approx(full.item(), rel=0.02)
    plain = component("loss", "sampled_softmax", correct=False)(query, goal, shelf, draws)
    assert plain.item() > full.item() + 1
