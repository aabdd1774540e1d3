"""Several finished models as one: sums of scores, exact ranks, weights that validation chooses."""

from dataclasses import replace
from fractions import Fraction

import pytest
import torch
from helpers.batches import train_batch
from helpers.components import ITEMS, component, history
from helpers.counts import counted, sequences

from seqrec.config.schema import Combine
from seqrec.ensemble.blend import deviation
from seqrec.ensemble.model import EnsembleModel
from seqrec.model import BaselineModel, SequenceModel
from seqrec.ranking.rank import rank_targets
from seqrec.shapes import position_mask
from seqrec.training.combining import chosen

LENGTHS = torch.tensor([1, 5, 9])


def trained(encoder: str, scorer: str = "tied", seed: int = 0) -> SequenceModel:
    torch.manual_seed(seed)
    return SequenceModel(
        embedding=component("embedding", "id", std=0.5),
        encoder=component("encoder", encoder),
        head=component("head", "additive"),
        scorer=component("scorer", scorer),
    ).eval()


def ensemble(*members, combine=Combine.log_probabilities, longest=None) -> EnsembleModel:
    made = EnsembleModel(members, longest=longest or [20] * len(members), combine=combine)
    made.weight_M.copy_(torch.tensor([0.7, 0.3][: len(members)]))
    return made.eval()


def scores(model, told) -> torch.Tensor:
    catalogue = model.catalogue()
    return catalogue.block(model.query(told), 0, len(catalogue))


@torch.no_grad()
def test_its_order_is_that_of_log_probabilities():
    parts, told = [trained("gru"), trained("lstm", "mlp", seed=1)], history(LENGTHS)
    log_p = [scores(part, told)[:, 1:].log_softmax(1) for part in parts]
    whole = scores(ensemble(*parts), told)[:, 1:]
    wanted = 0.7 * log_p[0] + 0.3 * log_p[1]
    shift = whole - wanted
    torch.testing.assert_close(shift, shift[:, :1].expand_as(shift), rtol=1e-4, atol=1e-4)
    assert torch.equal(whole.argsort(1), wanted.argsort(1))


@torch.no_grad()
def test_standardised_scores_weigh_any_two_models_alike():
    parts = [trained("gru"), BaselineModel(counted("markov", sequences()))]
    told = history(torch.tensor([2, 5, 9]))
    whole = scores(ensemble(*parts, combine=Combine.standardised), told)[:, 1:]
    each = [scores(part, told)[:, 1:].double() for part in parts]
    z = [(x - x.mean(1, keepdim=True)) / x.std(1, keepdim=True, correction=0) for x in each]
    wanted = 0.7 * z[0] + 0.3 * z[1]
    mean = whole.double().mean(1, keepdim=True)
    torch.testing.assert_close(whole.double() - mean, wanted, rtol=1e-4, atol=1e-5)


@torch.no_grad()
def test_the_deviation_is_that_of_all_items_however_many_are_scored_at_once(monkeypatch):
    import seqrec.ensemble.blend as module

    model, told = trained("gru"), history(LENGTHS)
    query, catalogue = model.query(told), model.catalogue()
    wanted = scores(model, told)[:, 1:].double().std(1, correction=0)
    torch.testing.assert_close(deviation(query, catalogue, 3), wanted)
    monkeypatch.setattr(module, "BLOCK", 12)
    torch.testing.assert_close(deviation(query, catalogue, 3), wanted)


@torch.no_grad()
@pytest.mark.parametrize("combine", list(Combine))
def test_chosen_items_and_shared_ones_have_the_scores_of_the_whole(combine):
    model, told = (
        ensemble(trained("gru"), trained("lstm", "ncf"), combine=combine),
        history(LENGTHS),
    )
    query, catalogue, whole = model.query(told), model.catalogue(), scores(model, told)
    chosen_B, shared_S = torch.tensor([2, 7, 1]), torch.tensor([3, 9])
    torch.testing.assert_close(catalogue.score(query, chosen_B), whole[range(3), chosen_B])
    many_BS = torch.stack([chosen_B, chosen_B + 3], dim=1)
    torch.testing.assert_close(catalogue.score(query, many_BS), whole.gather(1, many_BS))
    torch.testing.assert_close(catalogue.score_shared(query, shared_S), whole[:, shared_S])
    assert len(catalogue) == ITEMS + 1 and len(query) == 3


@torch.no_grad()
@pytest.mark.parametrize("combine", list(Combine))
def test_a_rank_is_a_place_in_the_list(combine):
    model, told = ensemble(trained("gru"), trained("lstm"), combine=combine), history(LENGTHS)
    query, catalogue = model.query(told), model.catalogue()
    lists = rank_targets(query, catalogue, torch.ones(3, dtype=torch.int64), k=ITEMS).top_BK
    for place, item_B in enumerate(lists.T, 1):
        assert (rank_targets(query, catalogue, item_B, k=1).rank_B == place).all()


@torch.no_grad()
def test_a_model_twice_is_that_model():
    one, told = trained("gru"), history(LENGTHS)
    torch.testing.assert_close(scores(ensemble(one, one), told), scores(one, told))
    torch.testing.assert_close(ensemble(one, one).attention(told), one.attention(told))


@torch.no_grad()
def test_each_member_sees_as_much_as_in_its_own_run():
    one, two = trained("gru"), trained("lstm", seed=1)
    told, model = history(LENGTHS), ensemble(one, two, longest=[20, 4])
    wanted = 0.7 * scores(one, told) + 0.3 * scores(two, told.latest(4))
    torch.testing.assert_close(scores(model, told), wanted)
    query, alpha_BL = model.answer(told)
    torch.testing.assert_close(model.catalogue().block(query, 0, ITEMS + 1), wanted)
    short_BL = two.attention(told.latest(4))
    own_L = 0.7 * one.attention(told)[2]
    own_L[5:9] += 0.3 * short_BL[2, :4]
    torch.testing.assert_close(alpha_BL[2], own_L)
    torch.testing.assert_close(alpha_BL.sum(1), torch.ones(3))


def test_the_latest_events_are_those_at_the_end():
    told = train_batch([1, 4, 9]).history
    cut = told.latest(3)
    assert cut.length_B.tolist() == [1, 3, 3]
    assert cut.item_BL[1].tolist() == told.item_BL[1, 1:4].tolist()
    assert cut.event["timestamp"][2].tolist() == told.event["timestamp"][2, 6:9].tolist()
    assert not cut.item_BL[~position_mask(cut.length_B, 3)].any()
    assert told.latest(9) is told and replace(told) == told.latest(50)


def test_greedy_weights_are_shares_of_the_steps():
    """Worked by hand: the best sum has the first model twice and the second once."""
    asked = []

    def judge(weights):
        asked.append(weights)
        return 1 - abs(float(weights[0]) - 2 / 3) - abs(float(weights[1]) - 1 / 3)

    third = Fraction(1, 3)
    assert chosen(3, 6, judge) == (2 * third, third, 0)
    assert len(asked) == len(set(asked))  # no weights are judged twice
    assert all(sum(weights) == 1 for weights in asked)


def test_equal_weights_stay_if_nothing_is_better():
    half = Fraction(1, 2)
    assert chosen(2, 4, lambda weights: 0.0) == (half, half)
    told = []
    chosen(2, 3, lambda weights: float(weights[0]), lambda *each: told.append(each))
    assert [weights for weights, _ in told] == [(half, half), (1, 0), (1, 0), (1, 0)]
