"""Vectors changed to hurt: the gradients of a naive form, and how long the changes are."""

import pytest
import torch
import torch.nn.functional as F
from helpers.batches import train_batch
from helpers.components import component

from seqrec.model import SequenceModel
from seqrec.objective.adversarial import Adversarial, worst

LENGTHS, SIZE, WEIGHT = [1, 5, 3, 9], 0.3, 0.7


def objective(**options) -> Adversarial:
    parts = {"loss": component("loss", "cross_entropy"), "negatives": None}
    return Adversarial(**parts, **options)


def model() -> SequenceModel:
    torch.manual_seed(2)
    return SequenceModel(
        embedding=component("embedding", "id"),
        encoder=component("encoder", "gru"),
        head=component("head", "additive"),
        scorer=component("scorer", "tied"),
    )


def naive(model, batch, x_BLD):
    """The mean loss of the vectors, target by target."""
    u_BLD, table = model.read(x_BLD, batch.history), model.embedding.table()
    each = [
        F.cross_entropy(table[1:] @ u_BLD[row, t], batch.target_BL[row, t] - 1)
        for row, length in enumerate(LENGTHS)
        for t in range(min(1, length - 1), length)
    ]
    return torch.stack(each).mean()


def test_its_gradients_are_those_of_a_naive_form():
    torch.manual_seed(1)
    net, batch = model(), train_batch(LENGTHS)
    loss, _, terms = objective(size=SIZE, weight=WEIGHT)(net, batch)
    found = torch.autograd.grad(loss, [*net.parameters()])

    x_BLD = net.embed(batch.history)
    fixed_BLD = x_BLD.detach().requires_grad_()
    (slope_BLD,) = torch.autograd.grad(naive(net, batch, fixed_BLD), fixed_BLD)
    delta_BLD = torch.zeros_like(slope_BLD)
    for row, length in enumerate(LENGTHS):
        for t in range(length):
            slope_D = slope_BLD[row, t]
            if slope_D.norm() > 0:
                size = SIZE * fixed_BLD[row, t].detach().norm()
                delta_BLD[row, t] = size * slope_D / slope_D.norm()
    hurt = naive(net, batch, x_BLD + delta_BLD)
    expected = naive(net, batch, x_BLD) + WEIGHT * hurt
    torch.testing.assert_close(loss, expected)
    torch.testing.assert_close(terms["adversarial"], WEIGHT * hurt)
    assert hurt > terms["next_item"]
    for got, want in zip(found, torch.autograd.grad(expected, [*net.parameters()]), strict=True):
        torch.testing.assert_close(got, want, rtol=1e-4, atol=1e-6)


def test_a_change_is_as_long_as_asked_and_padding_has_none():
    x_BLD, slope_BLD = torch.randn(2, 4, 8), torch.randn(2, 4, 8)
    slope_BLD[1, 2:] = 0
    delta_BLD = worst(x_BLD, slope_BLD, 0.5)
    share_BL = delta_BLD.norm(dim=-1) / x_BLD.norm(dim=-1)
    torch.testing.assert_close(share_BL[0], torch.full((4,), 0.5))
    assert (delta_BLD[1, 2:] == 0).all()
    assert (F.cosine_similarity(delta_BLD[0], slope_BLD[0], dim=-1) > 0.999).all()


def test_a_change_of_no_size_is_refused():
    with pytest.raises(ValueError, match=r"objective\.size=0"):
        objective(size=0.0)
