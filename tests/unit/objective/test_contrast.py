"""Contrasts: the published formulas in plain loops, what is told apart, and what isn't."""

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from helpers.batches import train_batch
from helpers.components import FACTS, component, node

from seqrec.config.make import make
from seqrec.model import SequenceModel
from seqrec.objective.next_item import NextItem
from seqrec.objective.supcon import same_target
from seqrec.objective.views import nt_xent


def parts():
    return {"loss": component("loss", "cross_entropy"), "negatives": None}


def objective(name: str, **options):
    return make({**node("objective", name), **options}, **FACTS, **parts())


def model() -> SequenceModel:
    return SequenceModel(
        embedding=component("embedding", "id"), encoder=component("encoder", "gru"),
        head=component("head", "additive"), scorer=component("scorer", "tied"),
    )  # fmt: skip


def test_positions_of_the_same_target_are_compared_by_the_formula():
    query, item = torch.randn(12, 8), torch.tensor([1, 1, 1, 2, 2, 3, 4, 5, 5, 6, 7, 8])
    unit, each = query / query.norm(dim=1, keepdim=True), []
    similar = (unit @ unit.T / 0.2).exp()
    for a in range(12):
        others = sum(similar[a, c] for c in range(12) if item[c] != item[a])
        for b in range(12):
            if a != b and item[a] == item[b]:
                each.append(-(similar[a, b] / (similar[a, b] + others)).log())
    assert len(each) == 10
    torch.testing.assert_close(same_target(query, item, 0.2), torch.stack(each).mean())


def test_without_a_pair_there_is_no_contrast():
    query = torch.randn(4, 8, requires_grad=True)
    loss = same_target(query, torch.arange(1, 5), 1.0)
    loss.backward()
    assert loss == 0 and not query.grad.any()
    assert same_target(query, torch.ones(4, dtype=torch.int64), 1.0) == 0  # nothing to tell from
    assert same_target(query[:1], torch.ones(1, dtype=torch.int64), 1.0) == 0


def test_views_are_compared_by_the_formula():
    one, other = torch.randn(2, 5, 8)
    user = torch.tensor([3, 4, 3, -1, -1])
    every, who = torch.cat([one, other]), torch.cat([user, user]).tolist()
    each = []
    for a in range(10):
        pair = (a + 5) % 10
        score = F.cosine_similarity(every[a : a + 1], every) / 0.5
        told = [c for c in range(10) if c != a and (c == pair or who[c] == -1 or who[c] != who[a])]
        each.append(torch.logsumexp(score[told], 0) - score[pair])
    torch.testing.assert_close(nt_xent(one, other, user, 0.5), torch.stack(each).mean())


@pytest.mark.parametrize("name", ["views", "supcon"])
def test_without_weight_it_is_the_next_item_to_the_bit(name):
    batch, one = train_batch([3, 9, 5, 1]), model()
    plain, targets, _ = NextItem(**parts())(one, batch)
    loss, same, terms = objective(name, weight=0.0)(one, batch)
    assert torch.equal(loss, plain) and same == targets and set(terms) == {"next_item", name}
    weighed, _, terms = objective(name, weight=0.5)(one, batch)
    torch.testing.assert_close(weighed, terms["next_item"] + 0.5 * terms[name])


@pytest.mark.parametrize("name", ["views", "supcon"])
def test_it_brings_together_what_belongs_together(name):
    """Descending on the contrast alone makes it small."""
    torch.manual_seed(0)
    batch, one = train_batch([9] * 8), model()
    batch = replace(batch, target_BL=batch.target_BL % 4 + 1)
    kind, found = objective(name, temperature=0.2), []
    optimizer = torch.optim.Adam(one.parameters(), lr=0.02)
    for _ in range(60):
        optimizer.zero_grad()
        contrast = kind(one, batch)[2][name]
        contrast.backward()
        optimizer.step()
        found.append(contrast.item())
    assert sum(found[-5:]) / 5 < 0.8 * found[0]


def test_views_are_those_of_the_augmentation_and_of_two_draws():
    seen = []

    class Crops:
        def __call__(self, batch, generator):
            seen.append(torch.rand(3, generator=generator))
            return batch

    kind, one, batch = objective("views", augment=Crops()), model(), train_batch([3, 9])
    for _ in range(2):
        torch.manual_seed(5)
        contrast = kind(one, batch)[2]["views"]
    u_BD = one.last(one.embed(batch.history), batch.history)
    torch.testing.assert_close(contrast, nt_xent(u_BD, u_BD, batch.history.user_B, 1.0))
    assert len(seen) == 4 and not torch.equal(seen[0], seen[1])
    assert torch.equal(seen[0], seen[2]), "the run's seed decides"


@pytest.mark.parametrize(
    ("name", "wrong"),
    [("views", {"weight": -1}), ("views", {"temperature": 0}), ("supcon", {"positions": 1})],
)
def test_what_makes_no_sense_is_refused(name, wrong):
    [key] = wrong
    with pytest.raises(Exception, match=f"{key}={wrong[key]}"):
        objective(name, **wrong)
