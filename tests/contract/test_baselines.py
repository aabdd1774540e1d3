"""What every baseline promises, and that baselines which break a promise are found out."""

import pytest
import torch
from helpers.components import ITEMS, LENGTH, component, names
from helpers.counts import counted, histories, scores, sequences, training

from seqrec.baseline.markov import Markov
from seqrec.counts import table as tables
from seqrec.ranking.rank import rank_targets

every = pytest.mark.parametrize("name", names("baseline"))


def check_rows_stay_apart(baseline):
    """Scores and weights know nothing of padding or of the batch."""
    item_BL, length_B = histories()
    together = scores(baseline, item_BL, length_B)
    alpha_BL = baseline.weights(item_BL, length_B)
    for row, length in enumerate(length_B.tolist()):
        one = item_BL[row : row + 1, :length], length_B[row : row + 1]
        torch.testing.assert_close(scores(baseline, *one), together[row : row + 1])
        torch.testing.assert_close(baseline.weights(*one)[0], alpha_BL[row, :length])


def check_ways_agree(baseline):
    """Chosen items, the same items for all, and blocks have the scores of the whole."""
    item_BL, length_B = histories()
    shelf, query = baseline.table, baseline.query(item_BL, length_B)
    whole = scores(baseline, item_BL, length_B)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tables, "ENTRIES", 1)  # one query at a time
        parts = [shelf.block(query, at, min(at + 6, ITEMS + 1)) for at in range(0, ITEMS + 1, 6)]
    torch.testing.assert_close(torch.cat(parts, dim=1), whole)
    chosen = torch.tensor([2, 7, 1])
    torch.testing.assert_close(shelf.score(query, chosen), whole[range(3), chosen])
    torch.testing.assert_close(shelf.score_shared(query, chosen), whole[:, chosen])


def check_weights(baseline):
    """They are a distribution over the history, for every history or for none."""
    item_BL, length_B = histories()
    alpha_BL = baseline.weights(item_BL, length_B)
    assert alpha_BL.shape == item_BL.shape and (alpha_BL >= 0).all()
    assert not alpha_BL[torch.arange(LENGTH) >= length_B[:, None]].any()
    total_B = alpha_BL.sum(1)
    assert torch.allclose(total_B, total_B[0].round().expand(3), atol=1e-6)


def check_ties(baseline):
    """Items that nothing tells apart don't tie: the longest list is one order."""
    for row in scores(baseline, *histories())[:, 1:]:
        assert len(row.unique()) == ITEMS


def check_ranks_are_places(baseline):
    """An item's rank as a target is its place in the list: a tie-break breaks ties in both."""
    query = baseline.query(*histories())
    lists = rank_targets(query, baseline.table, torch.ones(3, dtype=torch.int64), k=ITEMS).top_BK
    for place, item_B in enumerate(lists.T, 1):
        rank_B = rank_targets(query, baseline.table, item_B, k=1).rank_B
        assert (rank_B == place).all()


CHECKS = [
    *(check_rows_stay_apart, check_ways_agree, check_weights, check_ties, check_ranks_are_places)
]


@every
@pytest.mark.parametrize("check", CHECKS)
def test_a_baseline_keeps_its_promise(check, name):
    check(counted(name, sequences()))


@every
def test_a_rank_is_a_place_however_many_events_are_counted(name):
    check_ranks_are_places(counted(name, sequences() * 400))


@every
def test_a_checkpoint_brings_the_counts_back(name):
    baseline, again = counted(name, sequences()), component("baseline", name)
    again.load_state_dict(baseline.state_dict())
    assert torch.equal(scores(again, *histories()), scores(baseline, *histories()))


@every
def test_counted_again_the_scores_are_the_same(name):
    one, two = counted(name, sequences()), counted(name, sequences())
    assert torch.equal(scores(one, *histories()), scores(two, *histories()))


class OfTheBatch(Markov):
    """Goes by the last column, padding or not."""

    def query(self, item_BL, length_B):
        return super().query(item_BL, torch.full_like(length_B, item_BL.shape[1]))


class Signed(Markov):
    def weights(self, item_BL, length_B):
        return super().weights(item_BL, length_B) * 2 - item_BL.ne(0).float()


class Everywhere(Markov):
    def weights(self, item_BL, length_B):
        return torch.full(item_BL.shape, 1 / item_BL.shape[1])


class Tied(Markov):
    def count(self, given, judge):
        super().count(given, judge)
        self.table.fill(None, torch.zeros(len(self.table)))


class Inexact(Markov):
    def count(self, given, judge):
        super().count(given, judge)
        exact = self.table.score
        self.table.score = lambda query, item: exact(query, item) + 0.01


@pytest.mark.parametrize(
    ("check", "kind"),
    [
        (check_rows_stay_apart, OfTheBatch),
        (check_ways_agree, Inexact),
        (check_weights, Signed),
        (check_weights, Everywhere),
        (check_ties, Tied),
        (check_ranks_are_places, Tied),
    ],
)
def test_a_broken_baseline_is_found_out(check, kind):
    broken = kind(n_items=ITEMS, smoothing=[1.0])
    broken.count(training(sequences()), lambda option: 0.0)
    with pytest.raises(AssertionError):
        check(broken)
