"""Models of users instead of histories: matrix factorisation and NCF."""

import dataclasses

import numpy as np
import pytest
import torch
from helpers.components import DIM, ITEMS, component
from helpers.experiments import batches, root, steps

from seqrec.errors import ConfigError
from seqrec.experiment.assemble import build_experiment
from seqrec.ranking.rank import rank_targets


@pytest.mark.slow
@pytest.mark.parametrize("model", ["bpr_mf", "ncf"])
@pytest.mark.parametrize("max_length", [4, 50])
def test_every_training_event_is_a_target_once_and_its_users(small, model, max_length):
    experiment = build_experiment(root(f"model={model}", f"max_length={max_length}"), small)
    found = []
    for batch in batches(experiment):
        valid = batch.target_BL > 0
        row, _ = valid.nonzero(as_tuple=True)
        assert valid.sum() == batch.history.length_B.sum() - batch.prefix_B.sum()
        found += zip(batch.history.user_B[row].tolist(), batch.target_BL[valid].tolist(),
                     strict=True)  # fmt: skip
    view = experiment.splits.train
    users = np.repeat(view.user, view.end - view.start)
    expected = zip(users.tolist(), small.item[view.positions()].tolist(), strict=True)
    assert sorted(found) == sorted(expected)


def test_what_stands_before_the_first_event_is_padding(small):
    experiment = build_experiment(root("model=bpr_mf"), small)
    for batch in batches(experiment):
        assert not batch.history.item_BL[:, 0].any()
        assert torch.equal(batch.history.item_BL[:, 1:], batch.target_BL[:, :-1])


@pytest.mark.parametrize("model", ["bpr_mf", "ncf"])
def test_a_list_depends_on_the_user_and_not_on_the_history(small, model):
    experiment = build_experiment(root(f"model={model}"), small)
    steps(experiment, 20)
    history, module = next(iter(batches(experiment))).history, experiment.model.eval()
    query = module.query(history)
    shuffled = dataclasses.replace(history, item_BL=history.item_BL.flip(1))
    assert torch.equal(module.query(shuffled), query)
    assert not torch.allclose(
        module.query(dataclasses.replace(history, user_B=history.user_B.flip(0))), query
    )
    stranger = dataclasses.replace(history, user_B=torch.full_like(history.user_B, -1))
    assert not module.query(stranger).any()


def test_mf_is_users_times_items_plus_bias(small):
    experiment = build_experiment(root("model=bpr_mf"), small)
    steps(experiment, 20)
    model = experiment.model.eval()
    history = next(iter(batches(experiment))).history
    score = model.catalogue().block(model.query(history), 0, 31)
    user = model.embedding.user_UD[history.user_B + 1]
    torch.testing.assert_close(
        score, user @ model.embedding.weight_VD.T + model.scorer.bias_V, rtol=1e-5, atol=1e-6
    )


def naive_ncf(net, p, q):
    """Equation 12 of the paper for one user and one item."""
    half = DIM // 2
    h = torch.cat([p[half:], q[half:]])
    first = torch.cat([net.user.weight, net.item.weight], dim=1)
    h = torch.relu(first @ h + net.user.bias)
    for layer in net.layers:
        h = torch.relu(layer.weight @ h + layer.bias)
    return (p[:half] * q[:half]) @ net.gmf_D + h @ net.out_H


def test_ncf_is_the_papers_formula_however_it_is_asked():
    net = component("scorer", "ncf").eval()
    query, table = torch.randn(5, DIM), torch.randn(ITEMS + 1, DIM)
    catalogue = net.catalogue(table)
    expected = torch.stack([torch.stack([naive_ncf(net, p, q) for q in table]) for p in query])
    close = {"rtol": 1e-5, "atol": 1e-5}
    torch.testing.assert_close(catalogue.block(query, 0, ITEMS + 1), expected, **close)
    torch.testing.assert_close(catalogue.block(query, 3, 7), expected[:, 3:7], **close)
    for draws in (1, 6, 3 * ITEMS):  # fewer than there are items, and more
        item = torch.randint(0, ITEMS + 1, (5, draws))
        torch.testing.assert_close(catalogue.score(query, item), expected.gather(1, item), **close)
    torch.testing.assert_close(catalogue.score(query, item[:, 0]), expected.gather(1, item)[:, 0])
    torch.testing.assert_close(catalogue.score_shared(query, item[0]), expected[:, item[0]])


@pytest.mark.parametrize("draws", [1, 3 * ITEMS])
def test_gradients_of_ncf_are_those_of_the_formula(draws):
    net, query = component("scorer", "ncf"), torch.randn(5, DIM, requires_grad=True)
    table = torch.randn(ITEMS + 1, DIM, requires_grad=True)
    item = torch.randint(0, ITEMS + 1, (5, draws))
    weights = [query, table, *net.parameters()]
    got = torch.autograd.grad(net.catalogue(table).score(query, item).sum(), weights)
    pairs = [naive_ncf(net, query[n], table[i]) for n in range(5) for i in item[n]]
    expected = torch.autograd.grad(torch.stack(pairs).sum(), weights)
    torch.testing.assert_close(got, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("pairs", [0, 3, 2 * ITEMS])
def test_ncf_in_small_blocks_scores_the_same(pairs, monkeypatch):
    net = component("scorer", "ncf").eval()
    query, catalogue = torch.randn(5, DIM), net.catalogue(torch.randn(ITEMS + 1, DIM))
    whole = catalogue.block(query, 0, ITEMS + 1)
    monkeypatch.setattr("seqrec.scorer.ncf.BYTES", 4 * net.widest * pairs)
    torch.testing.assert_close(catalogue.block(query, 0, ITEMS + 1), whole)


def test_ranks_of_ncf_are_those_of_exact_scores():
    """An item never ties with itself by rounding, and equal items always tie."""
    torch.manual_seed(0)
    net = component("scorer", "ncf").eval()
    table = torch.randn(ITEMS + 1, DIM)
    table[7] = table[3]
    query, target = torch.randn(ITEMS, DIM), torch.arange(1, ITEMS + 1)
    catalogue = net.catalogue(table)
    exact = catalogue.block(query, 0, ITEMS + 1)[:, 1:]
    mine = exact.gather(1, target[:, None] - 1)
    expected = (exact >= mine - 1e-5).sum(1)
    ranking = rank_targets(query, catalogue, target, k=5)
    assert ranking.rank_B.tolist() == expected.tolist()


def test_an_odd_width_is_refused():
    with pytest.raises(ConfigError, match="even dim"):
        component("scorer", "ncf", dim=7)
