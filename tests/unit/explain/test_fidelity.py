"""Metrics of fidelity on models whose answers are known in closed form."""

import math

import pytest
import torch

from seqrec.errors import RunError
from seqrec.explain.crowd import Crowd
from seqrec.explain.fidelity import curves, fidelity, lower_is_better, metric_names, places
from seqrec.ranking.policy import Policy
from seqrec.shapes import EvalBatch, History

ITEMS = 40


class Additive:
    """A model whose score of an item is a sum over the events: ``sum_t weight[item_t, item]``."""

    def __init__(self, weight_VV):
        self.weight_VV = weight_VV

    def __len__(self):
        return len(self.weight_VV)

    def query(self, history, candidate_V):
        return self.weight_VV[history.item_BL].sum(1)

    def catalogue(self):
        return self

    def score(self, query, item_B):
        return query.gather(1, item_B[:, None])[:, 0]

    def block(self, query, first, last):
        return query[:, first:last].clone()

    def rounding(self, query, item_B, score_B):
        return torch.zeros_like(score_B)


def crowd(rows, *, seed=0, shift=0.0, targets=None, size=7):
    """Users with these histories, and their best items as targets."""
    random = torch.Generator().manual_seed(seed)
    weight_VV = torch.rand(ITEMS, ITEMS, generator=random) ** 12
    weight_VV[0] = 0
    model = Additive(weight_VV + shift)
    lengths = torch.tensor([len(row) for row in rows])
    item_BL = torch.zeros(len(rows), int(lengths.max()), dtype=torch.int64)
    for at, row in enumerate(rows):
        item_BL[at, : len(row)] = torch.tensor(row)
    batch = EvalBatch(
        history=History(item_BL, lengths, torch.full_like(lengths, -1)),
        event_B=torch.arange(len(rows)),
        target_B=item_BL[:, 0].clone(),
        rating_B=None,
        seen_row_P=torch.arange(len(rows)).repeat_interleave(lengths),
        seen_item_P=torch.tensor([item for row in rows for item in row]),
    )
    candidate_V = torch.tensor([False] + [True] * (ITEMS - 1))
    asked = Crowd(model, model, Policy(candidate_V=candidate_V, mask_seen=True), batch, size)
    return asked.aimed(asked.best() if targets is None else torch.tensor(targets))


def many(users=60, length=8):
    random = torch.Generator().manual_seed(1)
    lengths = torch.randint(2, length + 1, (users,), generator=random).tolist()
    return [torch.randint(1, ITEMS, (n,), generator=random).tolist() for n in lengths]


def everything(asked):
    return torch.ones_like(asked.batch.history.item_BL, dtype=torch.bool)


def judged(asked, weight_UL):
    _, whole_U = asked.ask(torch.arange(len(asked)), everything(asked))
    return fidelity(asked, places(weight_UL, asked.lengths, seed=0), whole_U)


def oracle(asked):
    """What each event adds to the target's score."""
    return asked.model.weight_VV[asked.batch.history.item_BL, asked.batch.target_B[:, None]]


def test_histories_of_many_users_are_asked_as_each_alone():
    rows = many(9)
    asked = crowd(rows)
    keep_PL = torch.rand(50, everything(asked).shape[1]) > 0.4
    row_P = torch.randint(len(asked), (50,))
    rank_P, height_P = asked.ask(row_P, keep_PL)
    for at, row in enumerate(row_P.tolist()):
        kept = [item for item, on in zip(rows[row], keep_PL[at], strict=False) if on]
        score_V = asked.model.weight_VV[kept].sum(0)
        target = asked.batch.target_B[row]
        others = [i for i in range(1, ITEMS) if i not in rows[row] and i != target]
        assert rank_P[at] == 1 + (score_V[others] >= score_V[target]).sum()
        expected = score_V[target] - score_V[1:].mean()
        assert height_P[at].item() == pytest.approx(expected.item(), abs=1e-5)


def test_questions_of_a_crowd_rank_as_the_crowd():
    asked = crowd(many(6))
    ranks, _ = asked.ask(torch.arange(6), everything(asked))
    for question, rank in zip(asked.questions(), ranks.tolist(), strict=True):
        assert question.ranks(torch.ones(1, len(question), dtype=torch.bool)).item() == rank == 1


def test_each_metric_is_its_definition():
    asked = crowd([[1, 2, 3, 4, 5, 6]])
    weight_UL = torch.tensor([[0.1, 0.9, 0.3, 0.8, 0.2, 0.7]])  # in order: 2, 4, 6, 3, 5, 1
    found, target = judged(asked, weight_UL), int(asked.batch.target_B)

    def height(*items):
        score_V = asked.model.weight_VV[list(items)].sum(0)
        return (score_V[target] - score_V[1:].mean()).item()

    score_V = asked.model.weight_VV[[3, 5, 1]].sum(0)
    rank = 1 + sum(score_V[i] >= score_V[target] for i in range(7, ITEMS) if i != target)
    assert found["DEL@3"][0] == pytest.approx(height(1, 3, 5) / height(1, 2, 3, 4, 5, 6), abs=1e-5)
    assert found["INS@3"][0] == pytest.approx(height(2, 4, 6) / height(1, 2, 3, 4, 5, 6), abs=1e-5)
    assert found["CDCG@3"][0] == pytest.approx(1 / math.log2(1 + rank))
    assert found["POS@5,Ke3"][0] == (rank <= 5) and found["POS@10,Ke3"][0] == (rank <= 10)
    assert set(found) == set(metric_names())


def test_an_oracle_is_more_faithful_than_chance_by_every_metric():
    asked = crowd(many(80, 12))
    random_UL = torch.rand(everything(asked).shape)
    best, chance = judged(asked, oracle(asked)), judged(asked, random_UL)
    for name in metric_names():
        value = [torch.from_numpy(each[name]).nanmean() for each in (best, chance)]
        assert (value[0] < value[1]) == lower_is_better(name), name


def test_a_constant_in_the_scores_changes_no_share_of_a_score():
    rows = many(20, 6)
    plain, shifted = crowd(rows), crowd(rows, shift=3.0)
    weight_UL = torch.rand(everything(plain).shape)
    one, other = judged(plain, weight_UL), judged(shifted, weight_UL)
    for name in (f"{metric}@{ke}" for metric in ("DEL", "INS") for ke in (1, 2, 3, 5)):
        assert one[name] == pytest.approx(other[name], abs=1e-3, nan_ok=True), name


def test_a_history_without_more_events_than_are_taken_does_not_count():
    found = judged(crowd([[1, 2], [3, 4, 5, 6]]), torch.rand(2, 4))
    assert [math.isnan(v) for v in found["POS@5,Ke2"]] == [True, False]
    assert [math.isnan(v) for v in found["POS@5,Ke1"]] == [False, False]


def test_curves_go_from_all_to_nothing_and_back():
    asked = crowd(many(30))
    _, whole_U = asked.ask(torch.arange(len(asked)), everything(asked))
    place = places(oracle(asked), asked.lengths, seed=0)
    found = curves(asked, place, whole_U)
    assert found["deletion"][0] == 1 and found["deletion"][-1] == pytest.approx(0, abs=1e-6)
    assert found["insertion"][0] == pytest.approx(0, abs=1e-6) and found["insertion"][-1] == 1


def test_places_follow_weights_and_break_ties_by_chance():
    length_U = torch.tensor([3, 4])
    weight_UL = torch.tensor([[0.2, 0.5, -1.0, 9.0], [1.0, 1.0, 1.0, 1.0]])
    place = places(weight_UL, length_U, seed=3)
    assert place[0].tolist() == [1, 0, 2, 3]  # what is behind the end comes last
    assert sorted(place[1].tolist()) == [0, 1, 2, 3]
    first = [places(weight_UL, length_U, seed=seed)[1].argmin().item() for seed in range(40)]
    assert set(first) == {0, 1, 2, 3}


def test_scores_that_are_no_numbers_are_refused():
    asked = crowd([[1, 2], [3, 4]])
    asked.model.weight_VV[2] = torch.nan
    with pytest.raises(RunError, match="aren't finite"):
        asked.ask(torch.arange(2), everything(asked))
