"""Metrics of ranks and lists against independent implementations."""

import math

import pytest
import torch
from helpers import CONFIGS
from helpers.components import names
from helpers.ranks import EVENTS_V, KS, B, K, V, case, gains, naive
from omegaconf import OmegaConf
from torchmetrics.functional.retrieval import retrieval_normalized_dcg

from seqrec.config.check.combine import conflicts
from seqrec.ranking.metrics import EventList, RankingMetrics, about_lists
from seqrec.ranking.rank import Ranking, rank_targets


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
