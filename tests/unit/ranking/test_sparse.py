"""A sparse ranking of counted scores is the dense one, bit for bit."""

import pytest
import torch
from helpers.components import ITEMS, names
from helpers.counts import counted, sequences
from hypothesis import given, settings
from hypothesis import strategies as st

from seqrec.counts.table import Rows, Table
from seqrec.ranking import rank as dense
from seqrec.ranking import sparse
from seqrec.ranking.rank import Ranking, rank_targets


def both(*args, **changes) -> tuple[Ranking, Ranking]:
    """Rank twice: by the few, and by all items."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sparse, "WORTH", 0)
        few = rank_targets(*args, **changes)
        patch.setattr(dense, "rank_sparse", lambda *args, **changes: None)
        return few, rank_targets(*args, **changes)


def check_equal(few: Ranking, all_of_them: Ranking):
    assert torch.equal(few.rank_B, all_of_them.rank_B)
    assert torch.equal(few.top_BK, all_of_them.top_BK)
    assert torch.equal(few.top_score_BK, all_of_them.top_score_BK)


@st.composite
def cases(draw):
    """A table, queries, targets, seen items and candidates."""
    torch.manual_seed(draw(st.integers(0, 10**6)))
    v, rows, width = (draw(st.integers(least, 30)) for least in (2, 1, 1))
    shelf = Table(v - 1)
    filled = torch.rand(rows, width) < draw(st.sampled_from([0, 0.3, 1]))
    entries = (
        torch.randint(0, v, (rows, width), dtype=torch.int32),
        torch.rand(rows, width) * filled,
    )
    shelf.fill(entries, torch.randperm(v).double() * draw(st.sampled_from([1e-6, 0.01, 1])))
    b, r = draw(st.integers(1, 5)), draw(st.integers(0, 4))
    base_B = torch.rand(b) + 0.5
    query = Rows(torch.randint(0, rows, (b, r)), torch.rand(b, r).round(decimals=1), base_B)
    pairs = draw(st.integers(0, 20))
    seen = {
        "seen_row_P": torch.randint(0, b, (pairs,)),
        "seen_item_P": torch.randint(0, v, (pairs,)),
    }
    candidate_V = torch.rand(v) < draw(st.sampled_from([0.0, 0.3, 0.9]))
    given_V = draw(st.sampled_from([None, candidate_V]))
    target_B = torch.randint(1, v, (b,))
    return (query, shelf, target_B), seen if pairs else {}, given_V, draw(st.integers(1, 35))


@settings(max_examples=200, deadline=None)
@given(cases())
def test_few_items_give_the_ranks_and_lists_of_all(case):
    args, seen, candidate_V, k = case
    check_equal(*both(*args, k=k, candidate_V=candidate_V, **seen))


@pytest.mark.parametrize("name", names("baseline"))
def test_every_baseline_ranks_alike(name):
    baseline = counted(name, sequences(200))
    item_BL = torch.randint(1, ITEMS + 1, (50, 6))
    query = baseline.query(item_BL, torch.randint(1, 7, (50,)))
    check_equal(*both(query, baseline.table, torch.randint(1, ITEMS + 1, (50,)), k=ITEMS // 2))


def test_many_entries_are_ranked_densely():
    baseline = counted("item_knn", sequences())
    query = baseline.query(torch.tensor([[1, 2]]), torch.tensor([2]))
    blocked = dict.fromkeys(("seen_row_P", "seen_item_P", "candidate_V"))
    least_B = torch.zeros(1, dtype=torch.float64)
    args = query, baseline.table, torch.tensor([3]), least_B
    assert sparse.rank_sparse(*args, k=1, **blocked) is None
