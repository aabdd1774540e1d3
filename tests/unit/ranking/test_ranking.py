"""Ranks against an independent implementation, and what must not move them."""

import math

import pytest
import torch
from helpers.ranks import B, K, V, case, naive
from hypothesis import given, settings
from hypothesis import strategies as st

from seqrec.catalogue import Catalogue
from seqrec.ranking import rank as ranking_module
from seqrec.ranking.rank import rank_targets


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("block", [1, 64 * 2**20])
def test_ranks_and_lists_equal_a_sort(block, bias, monkeypatch):
    monkeypatch.setattr(ranking_module, "BLOCK_BYTES", block)
    query, shelf, target, row, item = case(bias)
    allowed = torch.rand(V) > 0.2
    got = rank_targets(
        query, shelf, target, k=K, seen_row_P=row, seen_item_P=item, candidate_V=allowed
    )
    ranks, lists = naive(query, shelf, target, row, item, allowed)
    for b in range(B):
        assert got.top_BK[b].tolist() == lists[b]
        if ranks[b] is None:  # can't be recommended: last
            assert got.rank_B[b] == V  # below all V - 1 items
        else:
            assert got.rank_B[b] == ranks[b]


@settings(max_examples=100, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    k=st.integers(1, 60),
    block=st.sampled_from([4, 400, 3000, 2**20]),
    nan=st.booleans(),
)
def test_any_blocks_give_what_one_sort_of_all_scores_gives(seed, k, block, nan):
    """Scores are whole numbers, which tie, and are exact in any product; or some are NaN."""
    torch.manual_seed(seed)
    query, table = torch.randint(-2, 3, (5, 3)).float(), torch.randint(-2, 3, (V, 3)).float()
    if nan:
        table[torch.rand(V) < 0.2] = torch.nan
    row, item = torch.randint(0, 5, (20,)), torch.randint(0, V, (20,))
    allowed, target = torch.rand(V) > 0.2, torch.randint(1, V, (5,))
    blocked = {"seen_row_P": row, "seen_item_P": item, "candidate_V": allowed}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ranking_module, "BLOCK_BYTES", block)
        got = rank_targets(query, Catalogue(table), target, k=k, **blocked)
    score = query @ table.T
    score[:, 0] = score[row, item] = -torch.inf
    score[:, ~allowed] = -torch.inf
    for b, wanted in enumerate(target.tolist()):
        own = score[b, wanted].item()
        least = own - 1e-3 if math.isfinite(own) else -math.inf
        above = [i for i in range(V) if i != wanted and not score[b, i].item() < least]
        assert got.rank_B[b] == 1 + len(above)
        clean_V = score[b].masked_fill(score[b].isnan(), -torch.inf)
        best = clean_V.sort(descending=True).values[:k]
        assert torch.equal(got.top_score_BK[b], best)
        listed = got.top_BK[b][best > -torch.inf]
        assert torch.equal(score[b, listed], best[best > -torch.inf])
        assert len(listed.unique()) == len(listed) and not got.top_BK[b][len(listed) :].any()


def test_ties_count_against_the_target():
    shelf = Catalogue(torch.ones(6, 1))
    assert rank_targets(torch.ones(1, 1), shelf, torch.tensor([3]), k=2).rank_B.item() == 5


@pytest.mark.parametrize("size", [1, 7, 64])
def test_copies_of_the_target_tie_with_it_in_any_batch(size):
    """However sums are rounded: 20 items have the target's vector, and all count against it."""
    query, table = torch.randn(64, 48), torch.randn(200, 48)
    table[100:120] = table[50]
    got = [
        rank_targets(part, Catalogue(table), torch.full((len(part),), 50), k=5).rank_B
        for part in query.split(size)
    ]
    distinct = torch.cat([table[1:50], table[51:100], table[120:]])
    above = (query.double() @ distinct.double().T > (query @ table[50]).double()[:, None]).sum(1)
    assert torch.equal(torch.cat(got), above + 21)


def test_a_score_of_nan_ranks_last():
    table = torch.ones(6, 1)
    table[3] = torch.nan
    got = rank_targets(torch.ones(1, 1), Catalogue(table), torch.tensor([3]), k=5)
    assert got.rank_B.item() == 6  # below all five
    assert 3 not in got.top_BK[0, :4].tolist()


def test_lists_are_filled_up_with_zero_where_there_is_nothing_left():
    seen = torch.tensor([1, 2, 3])
    got = rank_targets(
        torch.ones(1, 1),
        Catalogue(torch.rand(6, 1)),
        torch.tensor([4]),
        k=4,
        seen_row_P=torch.zeros(3).long(),
        seen_item_P=seen,
    )
    assert sorted(got.top_BK[0].tolist()) == [0, 0, 4, 5]


def test_batches_and_item_order_move_nothing():
    query, shelf, target, row, item = case()
    whole = rank_targets(query, shelf, target, k=K, seen_row_P=row, seen_item_P=item)
    for b in range(B):
        mine = row == b
        alone = rank_targets(
            query[b : b + 1],
            shelf,
            target[b : b + 1],
            k=K,
            seen_row_P=torch.zeros(int(mine.sum())).long(),
            seen_item_P=item[mine],
        )
        assert alone.rank_B.item() == whole.rank_B[b].item()
    order = torch.cat([torch.zeros(1).long(), torch.randperm(V - 1) + 1])  # new id -> old id
    place = order.argsort()  # old id -> new id
    moved = rank_targets(
        query,
        Catalogue(shelf.table_VD[order]),
        place[target],
        k=K,
        seen_row_P=row,
        seen_item_P=place[item],
    )
    assert torch.equal(moved.rank_B, whole.rank_B)
    assert torch.equal(order[moved.top_BK], whole.top_BK)
