"""Explainers against independent ways to the same numbers: captum, naive loops, brute force."""

from itertools import permutations

import pytest
import torch
from captum.attr import InputXGradient as CaptumInputXGradient
from captum.attr import IntegratedGradients as CaptumIntegratedGradients
from helpers.components import component, history
from helpers.questions import ROW, baseline, one_user, question, trained

from seqrec.explainer.attention import Attention
from seqrec.explainer.integrated_gradients import IntegratedGradients
from seqrec.explainer.leave_one_out import LeaveOneOut
from seqrec.explainer.shapley import Shapley


@pytest.mark.parametrize("encoder", ["lstm", "transformer"])
def test_gradient_methods_equal_captums(encoder):
    asked = question(trained(encoder), instead=19)
    x_1LD = asked.vectors()

    def events(attribution):
        return attribution.sum(-1)[0].double()

    ours = component("explainer", "input_x_gradient")(asked).weight_L
    theirs = CaptumInputXGradient(asked.score).attribute(x_1LD.requires_grad_())
    torch.testing.assert_close(ours, events(theirs), rtol=1e-4, atol=1e-6)
    mean_1LD = asked.model.embedding.weight_VD[1:].mean(0).mul(8**0.5).expand_as(x_1LD)
    for baseline_1LD, name in ((torch.zeros_like(x_1LD), "zero"), (mean_1LD.detach(), "mean")):
        said = IntegratedGradients(baseline=name, steps=30, most_steps=30)(asked)
        theirs = CaptumIntegratedGradients(asked.score).attribute(
            x_1LD, baseline_1LD, n_steps=30, method="gausslegendre"
        )
        torch.testing.assert_close(said.weight_L, events(theirs), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("encoder", ["lstm", "transformer"])
def test_leaving_one_out_is_encoding_every_shorter_history(encoder):
    model = trained(encoder)
    asked = question(model)

    def score(row):
        query = model.query(one_user(row), asked.policy.candidate_V)
        return model.catalogue().score(query, torch.tensor([asked.target])).item()

    expected = [score(ROW) - score(ROW[:at] + ROW[at + 1 :]) for at in range(len(ROW))]
    weight_L = LeaveOneOut()(asked).weight_L
    torch.testing.assert_close(weight_L, torch.tensor(expected).double(), rtol=0, atol=1e-5)


def brute_force(value, length):
    """Shapley values by all orders of the events."""
    weight, orders = [0.0] * length, list(permutations(range(length)))
    for order in orders:
        inside = frozenset()
        for event in order:
            weight[event] += (value[inside | {event}] - value[inside]) / len(orders)
            inside |= {event}
    return torch.tensor(weight, dtype=torch.float64)


def all_values(asked):
    """The score of every subset of the events, one history at a time."""
    length = len(asked)
    return {
        frozenset(at for at in range(length) if code >> at & 1): asked.values(
            torch.tensor([[bool(code >> at & 1) for at in range(length)]])
        ).item()
        for code in range(2**length)
    }


@pytest.mark.parametrize("model", [trained("lstm"), baseline()], ids=["lstm", "item_knn"])
def test_shapley_values_of_short_histories_are_those_of_all_orders(model):
    asked = question(model)
    value, said = all_values(asked), Shapley()(asked)
    torch.testing.assert_close(said.weight_L, brute_force(value, len(ROW)), rtol=0, atol=1e-6)
    assert said.about["exact"] and said.error < 1e-4


def test_drawn_shapley_values_are_within_their_errors_and_sum_to_the_whole():
    asked = question(trained("lstm"), one_user([*ROW, 11, 12, 5, 3]))
    exact, drawn = Shapley()(asked), Shapley(exact=0, permutations=200)(asked)
    error_L = torch.tensor(drawn.about["standard_error"], dtype=torch.float64)
    assert ((drawn.weight_L - exact.weight_L).abs() <= 4 * error_L).all()
    assert error_L.max() < 0.3 * exact.weight_L.abs().max()
    assert drawn.error < 1e-4 and not drawn.about["exact"]
    other = Shapley(exact=0, permutations=200, seed=1)(asked)
    assert not torch.equal(other.weight_L, drawn.weight_L)


def test_a_long_history_gets_fewer_orders():
    asked = question(trained(), one_user(list(range(1, 9)) * 2))
    said = Shapley(permutations=64, most=100)(asked)
    assert said.about["permutations"] == 6 and said.asked == 6 * 15 + 2 <= 100
    assert said.error < 1e-4


def test_shapley_shares_what_leaving_one_out_gives_to_nobody():
    """Two events of one item, to a baseline that only counts the last: each stands in."""
    asked = question(baseline("markov"), one_user([3, 3]))
    assert torch.equal(LeaveOneOut()(asked).weight_L, torch.zeros(2).double())
    share_L = Shapley()(asked).weight_L
    assert share_L[0] == share_L[1] != 0


def test_the_gradient_is_followed_in_more_steps_until_the_sum_is_right():
    asked = question(trained("transformer"))
    rough = IntegratedGradients(steps=2, most_steps=2)(asked)
    fine = IntegratedGradients(steps=2, most_steps=2**12)(asked)
    assert rough.error > 0.01 >= fine.error
    assert fine.about["steps"] > 2 and fine.asked > rough.asked


def test_rollout_is_the_product_of_all_layers():
    model = trained("transformer", "last")
    asked = question(model)
    maps = model.encoder.maps(asked.vectors(), asked.history)
    product = torch.eye(len(ROW))
    for alpha in maps:
        product = (alpha[0].mean(0) + torch.eye(len(ROW))) / 2 @ product
    weight_L = component("explainer", "rollout")(asked).weight_L
    torch.testing.assert_close(weight_L.float(), product[-1])
    assert weight_L.sum().item() == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("block", ["pre_norm", "sasrec"])
def test_the_last_row_of_the_last_map_is_the_attention_at_the_last_position(block):
    encoder = component("encoder", "transformer", block=block).eval()
    x_BLD, two = torch.randn(2, 6, 8), history(torch.tensor([6, 4]), 6)
    [*_, alpha_BHLL] = encoder.maps(x_BLD, two)
    alpha_BHL = encoder.weights(x_BLD, two)
    torch.testing.assert_close(alpha_BHLL[0, :, 5], alpha_BHL[0])
    torch.testing.assert_close(alpha_BHLL[1, :, 3], alpha_BHL[1])


def test_attention_is_the_heads_or_the_encoders():
    asked = question(trained("transformer"))
    model = asked.model
    head_BL = model.attention(asked.history, asked.policy.candidate_V)
    torch.testing.assert_close(Attention()(asked).weight_L, head_BL[0].double())
    alpha_BHL = model.encoder.weights(asked.vectors(), asked.history)
    expected = alpha_BHL[0].mean(0).double()
    torch.testing.assert_close(Attention(of="encoder")(asked).weight_L, expected)


def test_similarity_is_the_cosine_of_item_vectors():
    asked = question(trained(), instead=19)
    table = asked.model.embedding.table()

    def cosine(event, item):
        return torch.cosine_similarity(table[event].double(), table[item].double(), dim=0)

    expected = torch.stack([cosine(i, asked.target) - cosine(i, 19) for i in ROW])
    weight_L = component("explainer", "similarity")(asked).weight_L
    torch.testing.assert_close(weight_L, expected.detach())
