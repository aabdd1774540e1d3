"""Objectives that weigh targets, and Q-learning beside them, against their formulas."""

import polars as pl
import pytest
import torch
import torch.nn.functional as F
from helpers.batches import train_batch
from helpers.components import DIM, FACTS, ITEMS, component, node

from seqrec.config.make import make
from seqrec.errors import ConfigError
from seqrec.model import SequenceModel

LENGTHS = [1, 5, 3, 9]


def objective(name: str, **options):
    parts = {"loss": component("loss", "cross_entropy"), "negatives": None}
    given = {**FACTS, **{k: options.pop(k) for k in [*options] if k in FACTS}}
    return make({**node("objective", name), **options}, **given, **parts)


def model() -> SequenceModel:
    torch.manual_seed(2)
    return SequenceModel(
        embedding=component("embedding", "id"),
        encoder=component("encoder", "gru"),
        head=component("head", "additive"),
        scorer=component("scorer", "tied"),
    ).eval()


def case():
    torch.manual_seed(1)
    return model(), train_batch(LENGTHS)


def places():
    """The positions that are learned from."""
    return [(row, t) for row, n in enumerate(LENGTHS) for t in range(min(1, n - 1), n)]


def losses(net, batch):
    """The loss of each target."""
    u_BLD, table = net(batch.history), net.embedding.table()
    return torch.stack(
        [F.cross_entropy(table[1:] @ u_BLD[at], batch.target_BL[at] - 1) for at in places()]
    )


def chosen(value_BL):
    return torch.stack([value_BL[at] for at in places()])


def test_inverse_propensities_are_clipped_and_normalised():
    net, batch = case()
    found, _, _ = objective("propensity", power=0.5, clip=2.0)(net, batch)
    count_N = FACTS["item_count_V"][chosen(batch.target_BL)].float()
    weight_N = (ITEMS / count_N).sqrt().clamp(max=2.0)
    expected = (weight_N * losses(net, batch)).sum() / weight_N.sum()
    torch.testing.assert_close(found, expected)


def test_without_power_all_targets_count_alike():
    net, batch = case()
    plain = losses(net, batch).mean()
    torch.testing.assert_close(objective("propensity", power=0.0, clip=None)(net, batch)[0], plain)
    torch.testing.assert_close(objective("reward", power=0.0)(net, batch)[0], plain)


def test_a_rating_weighs_by_itself_and_novelty_by_the_bits_of_an_item():
    net, batch = case()
    each_N, rating_N = losses(net, batch), chosen(batch.rating_BL)
    found, _, _ = objective("reward")(net, batch)
    torch.testing.assert_close(found, (rating_N * each_N).sum() / rating_N.sum())
    count_V = FACTS["item_count_V"].double()
    bits_N = -(count_V / count_V.sum()).log2()[chosen(batch.target_BL)].float()
    found, _, _ = objective("reward", by="novelty", power=2.0)(net, batch)
    torch.testing.assert_close(found, (bits_N**2 * each_N).sum() / (bits_N**2).sum())


def test_ratings_are_refused_where_there_are_none():
    for name in ("reward", "sqn"):
        assert objective(name).reads_ratings
        assert not objective(name, by="novelty", rating_mean=None).reads_ratings
        with pytest.raises(ConfigError, match=r"objective\.by=rating"):
            objective(name, rating_mean=None)


def test_q_learning_is_a_step_of_double_q_learning():
    """Worked out position by position; the last of a row has no next state."""
    net, batch = case()
    kind = objective("sqn", discount=0.4, weight=0.5)
    loss, _, terms = kind(net, batch)
    u_BLD, errors = net(batch.history), []
    for row, t in places():
        if t + 1 == LENGTHS[row]:
            continue
        with torch.no_grad():
            one_V, other_V = kind.one(u_BLD[row, t + 1]), kind.other(u_BLD[row, t + 1])
            best, second = 1 + int(one_V[1:].argmax()), 1 + int(other_V[1:].argmax())
            reward = batch.rating_BL[row, t] / FACTS["rating_mean"]
            goals = (reward + 0.4 * other_V[best], reward + 0.4 * one_V[second])
        item = batch.target_BL[row, t]
        errors += [
            (goal - layer(u_BLD[row, t])[item]) ** 2
            for goal, layer in zip(goals, (kind.one, kind.other), strict=True)
        ]
    expected = torch.stack(errors).sum() / (len(errors) // 2)
    torch.testing.assert_close(terms["sqn"], 0.5 * expected, rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(loss, losses(net, batch).mean() + terms["sqn"])
    loss.backward()
    assert all(p.grad.abs().sum() > 0 for p in kind.parameters())
    assert kind.one.weight.shape == (ITEMS + 1, DIM)


def test_a_gap_is_the_difference_of_the_groups_losses():
    net, batch = case()  # users 0 to 3
    side = ["a", "b", None, "b", *"aaaaaa"]
    users = pl.DataFrame({"index": range(10), "user": range(10), "side": side})
    found, targets, terms = objective("group", by="side", weight=2.0, users=lambda: users)(
        net, batch
    )
    each_N, row_N = losses(net, batch), torch.tensor([row for row, _ in places()])
    a, b = each_N[row_N == 0].mean(), each_N[(row_N == 1) | (row_N == 3)].mean()
    torch.testing.assert_close(terms["gap"], 2 * (a - b).abs())
    torch.testing.assert_close(found, each_N.mean() + terms["gap"])
    assert targets == len(each_N)


def test_the_worst_groups_weight_grows_as_in_the_paper():
    net, batch = case()
    users = pl.DataFrame({"index": range(10), "user": range(10), "side": ["a", "b"] * 5})
    kind = objective("worst_group", by="side", step=0.5, users=lambda: users)
    found, _, _ = kind(net, batch)
    each_N, row_N = losses(net, batch), torch.tensor([row for row, _ in places()])
    loss_G = torch.stack([each_N[row_N % 2 == g].mean() for g in (0, 1)])
    share_G = (0.5 * (0.5 * loss_G).exp()).detach()
    share_G = share_G / share_G.sum()
    torch.testing.assert_close(kind.share_G, share_G)
    torch.testing.assert_close(found, (share_G * loss_G).sum())
    kind.eval()(net, batch)
    torch.testing.assert_close(kind.share_G, share_G)


@pytest.mark.parametrize(
    ("by", "told"), [("size", "choose of activity, one, side"), ("one", "1 groups")]
)
def test_a_column_that_makes_no_groups_is_refused(by, told):
    users = pl.DataFrame({"index": range(10), "user": range(10), "one": 1, "side": ["a", "b"] * 5})
    with pytest.raises(ConfigError, match=told):
        objective("group", by=by, users=lambda: users)


def test_one_step_of_reptile_is_the_gradient_of_the_users_loss():
    net, batch = case()
    head = dict(net.head.named_parameters())
    kind = objective("reptile", tasks=len(LENGTHS), steps=1, weight=0.5)
    loss, _, _ = kind(net, batch)
    torch.testing.assert_close(loss, losses(net, batch).mean())
    found = torch.autograd.grad(loss, [*head.values()])
    each_N, row_N = losses(net, batch), torch.tensor([row for row, _ in places()])
    users = torch.stack([each_N[row_N == row].mean() for row in range(len(LENGTHS))]).mean()
    total = each_N.mean() + 0.5 * users
    for got, want in zip(found, torch.autograd.grad(total, [*head.values()]), strict=True):
        torch.testing.assert_close(got, want, rtol=1e-4, atol=1e-6)


def test_reptile_refuses_a_head_without_weights():
    net, batch = case()
    net.head = component("head", "last")
    if [*net.head.parameters()]:
        pytest.skip("it has weights")
    with pytest.raises(ConfigError, match="no weights"):
        objective("reptile")(net, batch)
