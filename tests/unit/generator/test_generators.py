"""The lists of generators, held to loops, to all lists there are, and to their distributions."""

import itertools
import math

import pytest
import torch

from seqrec.generator import Asker
from seqrec.generator._asker import followed, part_of
from seqrec.generator.beam import Beam
from seqrec.generator.greedy import Greedy
from seqrec.generator.sample import Sample, uniform
from seqrec.generator.topk import TopK
from seqrec.ranking.policy import Policy
from seqrec.shapes import UNKNOWN_TIME, EvalBatch, History

V, LENGTH = 6, 4


class Scores:
    """A catalogue whose queries are the scores."""

    def __len__(self):
        return V

    def block(self, query, first, last):
        return query[:, first:last].clone()

    def score(self, query, item):
        return query.gather(1, item.view(len(query), -1)).view(item.shape)

    def rounding(self, query, item, score):
        return torch.zeros_like(score)


class Chain:
    """A model whose scores follow from the last item, and a little from the one before."""

    wanted = ()

    def __init__(self):
        self.table_VV = torch.randn(V, V, generator=torch.Generator().manual_seed(1)) * 2

    def query(self, history, candidate_V=None):
        last_B = history.item_BL.gather(1, history.length_B[:, None] - 1).squeeze(1)
        before_B = history.item_BL.gather(1, (history.length_B[:, None] - 2).clamp(min=0)).squeeze(
            1
        )
        return self.table_VV[last_B] + 0.3 * self.table_VV[before_B]


def asked(*histories):
    """An asker of the chain, and a batch of histories; what is seen may come again."""
    length_B = torch.tensor([len(items) for items in histories])
    rows = [torch.tensor(items) for items in histories]
    item_BL = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True)
    history = History(item_BL, length_B, torch.full_like(length_B, -1))
    nothing = torch.empty(0, dtype=torch.int64)
    number_B = torch.arange(len(rows))
    batch = EvalBatch(history, number_B, item_BL[:, 0], None, nothing, nothing)
    policy = Policy(candidate_V=None, mask_seen=False)
    return Asker(Chain(), Scores(), policy, LENGTH), batch


def log_p(asker, items, listed):
    """Log probabilities of all items after a list, by itself; minus infinity for those in it."""
    _, one = asked([*items, *listed][-LENGTH:])
    score_V = asker.model.query(one.history)[0]
    score_V[[0, *listed]] = -math.inf
    return score_V.log_softmax(0)


def test_greedy_is_a_loop_that_asks_for_the_best():
    asker, batch = asked([1, 2, 3, 4], [5], [2, 2])
    item_Bn, score_Bn = Greedy()(asker, batch, 4)
    for row, items in enumerate([[1, 2, 3, 4], [5], [2, 2]]):
        listed: list[int] = []
        for place in range(4):
            best = int(log_p(asker, items, listed).argmax())
            _, one = asked([*items, *listed][-LENGTH:])
            assert item_Bn[row, place] == best
            assert score_Bn[row, place] == asker.model.query(one.history)[0, best]
            listed.append(best)


def test_a_wide_beam_finds_the_most_probable_of_all_lists():
    asker, batch = asked([1, 2], [4])
    item_Bn, score_Bn = Beam(width=60)(asker, batch, 3)
    for row, items in enumerate([[1, 2], [4]]):
        whole = {
            listed: sum(float(log_p(asker, items, listed[:at])[listed[at]]) for at in range(3))
            for listed in itertools.permutations(range(1, V), 3)
        }
        best = max(whole, key=whole.__getitem__)
        assert tuple(item_Bn[row].tolist()) == best
        assert score_Bn[row].sum().item() == pytest.approx(whole[best], abs=1e-5)


def test_a_beam_of_one_is_greedy_and_a_cold_sample_too():
    asker, batch = asked([1, 2, 3], [5, 4])
    greedy = Greedy()(asker, batch, 5)[0]
    assert torch.equal(Beam(width=1)(asker, batch, 5)[0], greedy)
    cold = Sample(temperature=0.001, sequences=3, aggregate="reciprocal_rank")
    assert torch.equal(cold(asker, batch, 5)[0], greedy)


def test_draws_are_distributed_as_the_model_says():
    asker, batch = asked([1, 2])
    firsts = [Sample(aggregate="none", seed=seed)(asker, batch, 2)[0][0] for seed in range(3000)]
    listed = torch.stack(firsts)
    for first in range(1, V):
        share = (listed[:, 0] == first).double().mean().item()
        assert share == pytest.approx(log_p(asker, [1, 2], []).exp()[first].item(), abs=0.03)
    often = int(listed[:, 0].mode().values)
    after = listed[listed[:, 0] == often, 1]
    share_V = torch.bincount(after, minlength=V) / len(after)
    torch.testing.assert_close(
        share_V, log_p(asker, [1, 2], [often]).exp(), atol=0.05, rtol=0, check_dtype=False
    )


def test_weights_are_sums_over_the_lists_that_were_drawn():
    asker, batch = asked([1, 2], [3])
    whole = Sample(sequences=5, seed=3, aggregate="reciprocal_rank")
    items: list[torch.Tensor] = []

    def listening(growing, append=None):
        append = growing.append
        growing.append = lambda item_R: (items.append(item_R), append(item_R))
        return whole._list(growing, 3)

    item_Bn, weight_Bn = asker.grow(batch, 5, listening)
    drawn_BSn = torch.stack(items, 1).view(2, 5, 3)
    for row in range(2):
        weight = torch.zeros(V, dtype=torch.float64)
        for listed in drawn_BSn[row].tolist():
            for place, item in enumerate(listed, 1):
                weight[item] += 1 / place
        assert weight_Bn[row].tolist() == pytest.approx(weight.sort().values.flip(0)[:3].tolist())
        assert weight[item_Bn[row]].tolist() == pytest.approx(weight_Bn[row].tolist())


def test_relevance_of_one_place_is_the_probability():
    asker, batch = asked([1, 2])
    item_Bn, weight_Bn = Sample(sequences=4, aggregate="relevance")(asker, batch, 1)
    assert torch.equal(item_Bn, TopK()(asker, batch, 1)[0])
    assert weight_Bn[0, 0].item() == pytest.approx(
        4 * float(log_p(asker, [1, 2], []).exp().max()), rel=1e-5
    )


def test_another_seed_draws_other_lists_and_equal_histories_get_equal_ones():
    asker, batch = asked([1, 2], [1, 2])
    lists = [Sample(seed=seed, sequences=2)(asker, batch, 4)[0] for seed in range(6)]
    assert len({tuple(item_Bn[0].tolist()) for item_Bn in lists}) > 1
    assert all(torch.equal(item_Bn[0], item_Bn[1]) for item_Bn in lists)


def test_uniform_numbers_are_uniform():
    number = uniform(torch.arange(-50_000, 50_000))
    assert number.min() >= 0 and number.max() < 1
    counts = torch.histc(number, 10, 0, 1) / len(number)
    assert (counts - 0.1).abs().max() < 0.005
    assert abs(torch.corrcoef(torch.stack([number[:-1], number[1:]]))[0, 1]) < 0.02


def test_an_appended_event_is_unknown_but_for_its_time():
    nan = math.nan
    history = History(
        item_BL=torch.tensor([[1, 2, 3], [4, 0, 0], [5, 6, 0]]),
        length_B=torch.tensor([3, 1, 2]),
        user_B=torch.tensor([0, 1, 2]),
        event={
            "timestamp": torch.tensor([[10, 20, 30], [40, UNKNOWN_TIME, UNKNOWN_TIME], [1, 2, 0]]),
            "dwell": torch.tensor([[1.0, 2.0, 3.0], [4.0, nan, nan], [5.0, 6.0, nan]]),
            "device": torch.tensor([[1, 2, 1], [2, 0, 0], [1, 1, 0]]),
        },
        asked_B=torch.tensor([99, 98, 97]),
    )
    longer = followed(history, torch.tensor([7, 8, 0]), 3)
    assert longer.item_BL.tolist() == [[2, 3, 7], [4, 8, 0], [5, 6, 0]]
    assert longer.length_B.tolist() == [3, 2, 2]
    assert longer.event["timestamp"][0].tolist() == [20, 30, 99]
    assert longer.event["timestamp"][1, :2].tolist() == [40, 98]
    assert longer.event["dwell"][0, :2].tolist() == [2.0, 3.0]
    assert longer.event["dwell"][:2].isnan().tolist() == [[False, False, True], [False, True, True]]
    assert longer.event["device"].tolist() == [[2, 1, 0], [2, 0, 0], [1, 1, 0]]
    assert followed(history, torch.tensor([7, 8, 9]), 5).item_BL.tolist() == [
        [1, 2, 3, 7],
        [4, 8, 0, 0],
        [5, 6, 9, 0],
    ]


def test_memory_is_bounded_by_parts_that_change_nothing(monkeypatch):
    asker, batch = asked([1, 2, 3, 4], [5], [2, 2], [3, 1])
    whole = Sample(sequences=3)(asker, batch, 3)
    monkeypatch.setattr("seqrec.generator._asker.BLOCK_BYTES", 1)
    assert torch.equal(Sample(sequences=3)(asker, batch, 3)[0], whole[0])
    assert part_of(batch, 1, 3).history.item_BL.tolist() == [[5, 0, 0, 0], [2, 2, 0, 0]]
