"""Ranks and metrics against independent implementations, and what must not move them."""

import math

import pytest
import torch
from helpers import CONFIGS
from helpers.components import make, names
from hypothesis import given, settings
from hypothesis import strategies as st
from omegaconf import OmegaConf
from torchmetrics.functional.retrieval import retrieval_normalized_dcg

from seqrec.catalogue import Catalogue
from seqrec.config.check.combine import conflicts
from seqrec.ranking import rank as ranking_module
from seqrec.ranking.metrics import EventList, RankingMetrics, about_lists
from seqrec.ranking.rank import Ranking, rank_targets

B, V, D, K = 30, 50, 8, 10
EVENTS_V = torch.arange(V) % 7  # training events of each item
KS = [1, 5, 10]


def gains():
    """Every metric found in ``configs/metric``."""
    found = {}
    for name in names("metric"):
        node = OmegaConf.to_container(OmegaConf.load(CONFIGS / "metric" / f"{name}.yaml"))
        found[name] = make(node[name])
    return found


def case(bias=False):
    query, table = torch.randn(B, D), torch.randn(V, D)
    seen_row = torch.arange(B).repeat_interleave(5)
    seen_item = torch.randint(1, V, (B * 5,))
    target = torch.randint(1, V, (B,))
    return query, Catalogue(table, torch.randn(V) if bias else None), target, seen_row, seen_item


def naive(query, shelf, target, seen_row, seen_item, allowed=None):
    """One user at a time, by sorting."""
    ranks, lists = [], []
    for b in range(len(query)):
        score = shelf.table_VD.double() @ query[b].double()
        if shelf.bias_V is not None:
            score = score + shelf.bias_V.double()
        blocked = {0} | set(seen_item[seen_row == b].tolist())
        if allowed is not None:
            blocked |= set((~allowed).nonzero().flatten().tolist())
        free = [i for i in range(V) if i not in blocked]
        free.sort(key=lambda i: -score[i].item())
        wanted = target[b].item()
        ranks.append(free.index(wanted) + 1 if wanted in free else None)
        lists.append(free[:K])
    return ranks, lists


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


@pytest.fixture(scope="module")
def measured():
    """All metrics of a case, computed in parts, and what independent ones start from."""
    torch.manual_seed(0)
    query, shelf, target, row, item = case()
    metrics = RankingMetrics(gains=gains(), ks=KS, item_count_V=EVENTS_V, n_candidates=V - 1)
    for part in torch.arange(B).split(7):
        inside = torch.isin(row, part)
        metrics.update(
            rank_targets(
                query[part],
                shelf,
                target[part],
                k=K,
                seen_row_P=row[inside] - part[0],
                seen_item_P=item[inside],
            )
        )
    ranks, lists = naive(query, shelf, target, row, item)
    scores = (query @ shelf.table_VD.T).double()
    scores[:, 0] = -1e9
    scores[row, item] = -1e9
    relevant = torch.zeros(B, V, dtype=torch.int64)
    relevant[torch.arange(B), target] = 1
    return metrics.compute(), ranks, lists, scores, relevant


def hits(ranks, k):
    return [r is not None and r <= k for r in ranks]


def naive_hit_rate(ranks, k):
    return sum(hits(ranks, k)) / B


def naive_f1(ranks, k):
    return sum(2 * (1 / k) * 1 / (1 / k + 1) for hit in hits(ranks, k) if hit) / B


def naive_mrr(ranks, k):
    return sum(1 / r for r, hit in zip(ranks, hits(ranks, k), strict=True) if hit) / B


GAINS = {
    "accuracy": lambda ranks, k: naive_hit_rate(ranks, 1),
    "hit_rate": naive_hit_rate,
    "recall": naive_hit_rate,
    "precision": lambda ranks, k: naive_hit_rate(ranks, k) / k,
    "f1": naive_f1,
    "mrr": naive_mrr,
    "map": naive_mrr,
}


@pytest.mark.parametrize("k", KS)
@pytest.mark.parametrize("name", GAINS)
def test_a_gain_of_ranks_equals_a_naive_one(measured, name, k):
    got, ranks, *_ = measured
    key = name if name == "accuracy" else f"{name}@{k}"
    assert got[key] == pytest.approx(GAINS[name](ranks, k))


@pytest.mark.parametrize("k", KS)
def test_ndcg_equals_that_of_torchmetrics(measured, k):
    got, ranks, _, scores, relevant = measured
    reachable = [b for b in range(B) if ranks[b] is not None]
    ndcg = [retrieval_normalized_dcg(scores[b], relevant[b], top_k=k) for b in reachable]
    assert got[f"ndcg@{k}"] == pytest.approx(sum(ndcg).item() / B)


def naive_novelty(listed):
    share = {i: max(1, i % 7) / EVENTS_V[1:].sum().item() for i in listed}
    return sum(-math.log2(share[i]) for i in listed) / len(listed)


def naive_gini(listed):
    exposure = [listed.count(i) for i in range(1, V)]
    apart = sum(abs(a - b) for a in exposure for b in exposure)
    return apart / (2 * (V - 1) * sum(exposure))


ABOUT_LISTS = {
    "coverage": lambda listed: len(set(listed)) / (V - 1),
    "novelty": naive_novelty,
    "average_popularity": lambda listed: sum(i % 7 for i in listed) / len(listed),
    "gini": naive_gini,
}


@pytest.mark.parametrize("k", KS)
@pytest.mark.parametrize("name", ABOUT_LISTS)
def test_what_lists_are_like_equals_a_naive_count(measured, name, k):
    got, _, lists, *_ = measured
    listed = [i for chosen in lists for i in chosen[:k]]
    assert got[f"{name}@{k}"] == pytest.approx(ABOUT_LISTS[name](listed))


def test_every_metric_has_an_independent_one(measured):
    """All that are computed are in a test above."""
    names_of = {key.partition("@")[0] for key in measured[0]}
    assert names_of == {*GAINS, *ABOUT_LISTS, "ndcg"}


def test_what_is_computed_is_what_may_be_monitored():
    nodes = {n: OmegaConf.load(CONFIGS / "metric" / f"{n}.yaml")[n] for n in names("metric")}
    config = {
        "metric": OmegaConf.to_container(OmegaConf.create(nodes)),
        "evaluation": {"ks": KS, "monitor": "charm@10"},
    }
    [told] = conflicts(config)
    metrics = RankingMetrics(gains=gains(), ks=KS, item_count_V=EVENTS_V, n_candidates=V - 1)
    metrics.update(
        Ranking(
            torch.ones(1, dtype=torch.int64), torch.ones(1, K, dtype=torch.int64), torch.ones(1, K)
        )
    )
    may = {
        name for name in metrics.compute() if not name.startswith(("gini", "average_popularity"))
    }
    listed = told.partition("choose one of ")[2].rpartition(", or change")[0]
    assert set(listed.split(", ")) == may


def test_exposure_is_that_of_candidates_only():
    listed_V = torch.tensor([0, 4, 0, 4, 0])
    lists = about_lists(listed_V, torch.tensor([0, 8, 0, 4, 4]), n_candidates=2)
    assert lists == {"coverage": 1.0, "novelty": 1.5, "average_popularity": 6.0, "gini": 0.0}


def test_golden_values():
    metrics = RankingMetrics(gains=gains(), ks=[2, 5], item_count_V=torch.ones(10), n_candidates=9)
    rank_B = torch.tensor([1, 2, 4, 9])
    metrics.update(Ranking(rank_B, torch.zeros(4, 5, dtype=torch.int64), torch.zeros(4, 5)))
    got = metrics.compute()
    assert got["hit_rate@2"] == 0.5 and got["hit_rate@5"] == 0.75
    assert got["ndcg@5"] == pytest.approx((1 + 1 / math.log2(3) + 1 / math.log2(5)) / 4)
    assert got["mrr@5"] == pytest.approx((1 + 0.5 + 0.25) / 4)
    assert got["accuracy"] == 0.25


def test_what_is_noted_comes_back_in_the_order_of_events():
    noted = EventList("rank", "top")
    top = torch.tensor([[1, 2], [3, 4], [5, 6]])
    noted.update(torch.tensor([5, 1]), rank=torch.tensor([10, 20]), top=top[:2])
    noted.update(torch.tensor([3]), rank=torch.tensor([30]), top=top[2:])
    found = {name: value.tolist() for name, value in noted.compute().items()}
    assert found == {"event": [1, 3, 5], "rank": [20, 30, 10], "top": [[3, 4], [5, 6], [1, 2]]}
