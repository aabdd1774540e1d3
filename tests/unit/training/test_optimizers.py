"""The lazy optimizer against torch's own, and gradients of which some are sparse."""

import pytest
import torch
import torch.nn.functional as F
from helpers.experiments import root, store_of

from seqrec.experiment.assemble import build_experiment
from seqrec.layers.clip import any_sparse, clip_gradients
from seqrec.optimizer.lazy_adam import LazyAdam


def trained(optimizer, table, used):
    """The table after a step for each batch of `used` rows."""
    for rows in used:
        optimizer.zero_grad()
        F.embedding(rows, table, sparse=True).pow(2).sum().backward()
        optimizer.step()
    return table.detach()


def test_lazy_adam_on_sparse_gradients_is_sparse_adam():
    used = [torch.tensor([1, 2, 2]), torch.tensor([2, 3]), torch.tensor([1, 1, 4])]
    start = torch.randn(6, 3)
    mine, theirs = (start.clone().requires_grad_() for _ in range(2))
    expected = trained(torch.optim.SparseAdam([theirs], lr=0.1), theirs, used)
    got = trained(LazyAdam([mine], lr=0.1), mine, used)
    torch.testing.assert_close(got, expected)
    assert torch.equal(got[[0, 5]], start[[0, 5]])  # rows that nothing used


def test_lazy_adam_on_dense_gradients_is_adam():
    start = torch.randn(6, 3)
    mine, theirs = (start.clone().requires_grad_() for _ in range(2))
    for weight, kind in ((mine, LazyAdam), (theirs, torch.optim.Adam)):
        optimizer = kind([weight], lr=0.1)
        for power in (2, 4, 2):
            optimizer.zero_grad()
            weight.pow(power).sum().backward()
            optimizer.step()
    torch.testing.assert_close(mine, theirs)


def test_clipping_takes_sparse_and_dense_gradients_together():
    table = torch.ones(5, 2, requires_grad=True)
    other = torch.ones(3, requires_grad=True)
    rows = torch.tensor([1, 1, 3])
    (F.embedding(rows, table, sparse=True).sum() + 2 * other.sum()).backward()
    assert any_sparse([table, other]) and not any_sparse([other])
    length = (2 * 2**2 + 2 * 1 + 3 * 2**2) ** 0.5
    assert clip_gradients([table, other], 1.0).item() == pytest.approx(length)
    clipped = torch.cat([table.grad.to_dense().flatten(), other.grad])
    assert clipped.norm().item() == pytest.approx(1.0, rel=1e-4)
    assert clipped[2].item() == pytest.approx(2 / length, rel=1e-4)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return store_of(root("data.n_users=50"), tmp_path_factory.mktemp("store"))


@pytest.mark.slow
@pytest.mark.parametrize("scorer", ["tied", "mlp", "cosine"])
@pytest.mark.parametrize("loss", ["sampled_softmax", "bce", "cross_entropy"])
def test_sparse_gradients_are_those_that_dense_ones_would_be(store, loss, scorer):
    grads = []
    for optimizer in ("adam", "lazy_adam"):
        torch.manual_seed(0)
        parts = (f"loss={loss}", f"scorer={scorer}", f"optimizer={optimizer}")
        experiment = build_experiment(root(*parts, "negatives.num=4"), store)
        batch = next(iter(experiment.epoch_batches(0)))
        experiment.learn(batch)[0].backward()
        # a full softmax scores the whole table, and a cosine normalises it
        dense = loss == "cross_entropy" or scorer == "cosine"
        assert any_sparse(experiment.parameters()) == (optimizer == "lazy_adam" and not dense)
        grads.append(
            {
                name: p.grad.to_dense() if p.grad.is_sparse else p.grad
                for name, p in experiment.named_parameters()
                if p.grad is not None
            }
        )
    assert grads[0].keys() == grads[1].keys()
    for name, grad in grads[0].items():
        torch.testing.assert_close(grads[1][name], grad, msg=name)


def test_a_sampled_loss_is_learned_with_lazy_adam(store):
    given = ("loss=sampled_softmax", "negatives.num=16", "optimizer=lazy_adam", "optimizer.lr=1e-2")
    experiment = build_experiment(root(*given), store)
    optimizer = experiment.make_optimizer(list(experiment.parameters()))
    losses = []
    for epoch in range(40):  # of one batch each
        for batch in experiment.epoch_batches(epoch):
            loss, _, _ = experiment.learn(batch)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
    assert sum(losses[-5:]) < 0.97 * sum(losses[:5])
