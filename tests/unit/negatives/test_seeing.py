"""Samplers that see the queries: the hardest of several draws, and a generator that learns."""

import pytest
import torch
import torch.nn.functional as F
from helpers.components import DIM, ITEMS, component

from seqrec.catalogue import Catalogue
from seqrec.config.check.combine import conflicts
from seqrec.objective.next_item import NextItem
from seqrec.shapes import Targets

N = 6


def case():
    torch.manual_seed(0)
    targets = Targets(torch.randint(1, ITEMS + 1, (N,)), torch.arange(N) // 2)
    return torch.randn(N, DIM), targets, Catalogue(torch.randn(ITEMS + 1, DIM))


def generator(**options):
    torch.manual_seed(3)
    return component("negatives", "adversarial", **options)


def test_the_hardest_of_many_draws_is_the_best_item_but_the_target():
    query_ND, targets, shelf = case()
    draws = component("negatives", "hardest", num=2, tries=400)(
        targets, torch.ones(N // 2, 4).long(), query_ND, shelf
    )
    score_NV = shelf.block(query_ND, 0, ITEMS + 1)
    score_NV[:, 0] = -torch.inf
    score_NV[torch.arange(N), targets.item_N] = -torch.inf
    assert torch.equal(draws.item, score_NV.argmax(1)[:, None].expand(N, 2))
    assert draws.keep_NS.all()


def test_the_hardest_of_one_draw_is_an_even_one():
    query_ND, targets, shelf = case()
    sampler = component("negatives", "hardest", num=6000, tries=1)
    drawn_NS = sampler(targets, torch.ones(N // 2, 4).long(), query_ND, shelf).item
    share_V = torch.bincount(drawn_NS[0], minlength=ITEMS + 1)[1:] / 6000
    assert (share_V - 1 / ITEMS).abs().max() < 0.02


def test_a_generators_lesson_is_the_gradient_of_its_expected_reward():
    """On average over draws it is that of ``sum_i p(i) reward(i)``, computed over the catalogue."""
    query_ND, targets, shelf = case()
    sampler = generator(num=4000, temperature=2.0)
    draws = sampler(targets, torch.ones(N // 2, 4).long(), query_ND, shelf)
    draws.lesson.backward()
    got = sampler.bias_V.grad.clone()
    sampler.zero_grad()
    logit_NV = (sampler.reader(query_ND) @ sampler.item_VD[1:].T + sampler.bias_V[1:]) / 2.0
    score_NV = shelf.block(query_ND, 0, ITEMS + 1)
    reward_NV = F.softplus(score_NV - shelf.score(query_ND, targets.item_N)[:, None])
    reward_NV[torch.arange(N), targets.item_N] = 0
    (-(logit_NV.softmax(1) * reward_NV[:, 1:]).sum(1).mean()).backward()
    torch.testing.assert_close(got, sampler.bias_V.grad, atol=0.003, rtol=0.1)


def test_a_generator_learns_to_draw_what_costs_the_model_most():
    query_ND, targets, shelf = case()
    sampler, item_BL = generator(num=64), torch.ones(N // 2, 4).long()
    optimizer = torch.optim.Adam(sampler.parameters(), lr=0.05)

    def cost() -> float:
        draws = sampler(targets, item_BL, query_ND, shelf)
        return shelf.score(query_ND, draws.item)[draws.keep_NS].mean().item()

    before = cost()
    for _ in range(40):
        optimizer.zero_grad()
        sampler(targets, item_BL, query_ND, shelf).lesson.backward()
        optimizer.step()
    assert cost() > before + 1


def test_a_lesson_changes_no_loss_and_no_gradient_of_the_model():
    """The loss is that of the draws alone; the generator learns beside it."""
    query_ND, targets, shelf = case()
    query_ND.requires_grad_()

    class Model:
        def catalogue(self):
            return shelf

    sampler, loss = generator(num=8), component("loss", "bpr")
    objective = NextItem(loss=loss, negatives=sampler)
    torch.manual_seed(5)
    found = objective.compare(Model(), query_ND, targets, torch.ones(N // 2, 4).long())
    found.backward()
    slope_ND, query_ND.grad = query_ND.grad, None
    torch.manual_seed(5)
    draws = sampler(targets, torch.ones(N // 2, 4).long(), query_ND, shelf)
    plain = loss(query_ND, targets, shelf, draws)
    plain.backward()
    torch.testing.assert_close(found, plain)
    torch.testing.assert_close(slope_ND, query_ND.grad)
    assert all(p.grad.abs().sum() > 0 for p in sampler.parameters())


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"num": 1}, "negatives.num=1 must be at least 2"),
        ({"width": 0}, "negatives.width=0"),
        ({"temperature": 0.0}, "negatives.temperature=0.0"),
    ],
)
def test_a_generator_refuses_values_that_mean_nothing(options, told):
    with pytest.raises(Exception, match=told):
        generator(**options)


def test_what_cannot_be_combined_is_told_by_name():
    def told(negatives: str, loss: str) -> str:
        targets = {
            "negatives": f"seqrec.negatives.{negatives}",
            "loss": f"seqrec.loss.{loss}",
        }
        config = {kind: {"_target_": target} for kind, target in targets.items()}
        found = conflicts({**config, "prepare": {}, "trainer": {}, "evaluation": {}})
        return " ".join(each for each in found if "negatives" in each)

    assert "negatives=Hardest has none" in told("hardest.Hardest", "sampled_softmax.SampledSoftmax")
    assert "loss=CrossEntropy has none" in told(
        "adversarial.Adversarial", "cross_entropy.CrossEntropy"
    )
    assert not told("hardest.Hardest", "bpr.BPR")
