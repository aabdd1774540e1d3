"""Rerankers against naive greedy loops over one list, and cases worked by hand."""

import math

import numpy as np
import polars as pl
import pytest
import torch

from seqrec.list_metric.calibration import kl_divergence
from seqrec.ranking.categories import encode
from seqrec.rerank.calibrated import Calibrated
from seqrec.rerank.dpp import DPP, RIDGE
from seqrec.rerank.fair_exposure import FairExposure
from seqrec.rerank.mmr import MMR
from seqrec.rerank.popularity import Popularity
from seqrec.rerank.rules import Rules
from seqrec.shapes import History

ITEMS, ROWS, K, PLACES = 40, 16, 12, 6
DRAW = np.random.default_rng(5)
GENRES = [
    [f"g{g}" for g in DRAW.choice(6, size=DRAW.integers(4), replace=False)] for _ in range(ITEMS)
]
TABLE = pl.DataFrame(
    {"index": range(1, ITEMS + 1), "item": [f"i{n}" for n in range(1, ITEMS + 1)], "genres": GENRES}
)
SETS = [set(), *map(set, GENRES)]
COUNT_V = torch.tensor([0, *DRAW.integers(1, 500, ITEMS)])


def items():
    return TABLE


@pytest.fixture(scope="module")
def case():
    """Lists, some shorter, with scores, histories and vectors."""
    draw = torch.Generator().manual_seed(2)
    item_BK = torch.stack([1 + torch.randperm(ITEMS, generator=draw)[:K] for _ in range(ROWS)])
    score_BK = torch.randn(ROWS, K, generator=draw).sort(1, descending=True).values
    item_BK[-3:, 4:], score_BK[-3:, 4:] = 0, -torch.inf
    length_B = torch.randint(1, 9, (ROWS,), generator=draw)
    item_BL = torch.randint(1, ITEMS + 1, (ROWS, 9), generator=draw)
    item_BL[torch.arange(9) >= length_B[:, None]] = 0
    vector_VD = torch.randn(ITEMS + 1, 5, generator=draw)
    return item_BK, score_BK, History(item_BL, length_B, torch.arange(ROWS)), vector_VD


def scaled(scores):
    return (scores - scores[-1]) / (scores[0] - scores[-1])


def greedy(wanted, n, value):
    """Choose one after the other: the naive loop that everything is compared with."""
    chosen = []
    while len(chosen) < min(wanted, n):
        left = [i for i in range(n) if i not in chosen]
        chosen.append(max(left, key=lambda i: (round(value(chosen, i), 5), -i)))
    return chosen


def check(reranker, case, value_of, *, sort, vectors=False):
    item_BK, score_BK, history, vector_VD = case
    given = (vector_VD[item_BK],) if vectors else ()
    order_BK = reranker(item_BK, score_BK, history, *given)
    moved = 0
    for row, items in enumerate(item_BK.tolist()):
        n = sum(item > 0 for item in items)
        value = value_of(row, items[:n], scaled(score_BK[row, :n].double()))
        chosen = greedy(PLACES, n, value)
        chosen = sorted(chosen) if sort else chosen
        wanted = chosen + [i for i in range(K) if i not in chosen]
        assert order_BK[row].tolist() == wanted
        moved += wanted != list(range(K))
    assert moved > ROWS / 4


def jaccard(a, b):
    return len(SETS[a] & SETS[b]) / max(1, len(SETS[a] | SETS[b]))


def cosine(vector_VD, a, b):
    return torch.cosine_similarity(vector_VD[a].double(), vector_VD[b].double(), dim=0).item()


@pytest.mark.parametrize("sort", [False, True])
@pytest.mark.parametrize("by", ["genres", "vectors"])
def test_mmr_equals_a_naive_loop(case, by, sort):
    def value_of(row, items, r):
        like = jaccard if by == "genres" else lambda a, b: cosine(case[3], a, b)

        def value(chosen, i):
            nearest = max([0.0, *(like(items[i], items[j]) for j in chosen)])
            return 0.6 * r[i].item() - 0.4 * nearest

        return value

    reranker = MMR(items=items, weight=0.4, places=PLACES, similarity=by, sort=sort)
    assert reranker.reads_vectors == (by == "vectors")
    check(reranker, case, value_of, sort=sort, vectors=by == "vectors")


@pytest.mark.parametrize("by", ["genres", "vectors"])
def test_dpp_takes_what_adds_most_to_the_determinant(case, by):
    def value_of(row, items, r):
        like = jaccard if by == "genres" else lambda a, b: cosine(case[3], a, b)
        sim = np.array([[1.0 if a == b else like(a, b) for b in items] for a in items])
        kernel = sim + RIDGE * np.eye(len(items))

        def value(chosen, i):
            of = [*chosen, i]
            volume = np.linalg.slogdet(kernel[np.ix_(of, of)])[1]
            before = np.linalg.slogdet(kernel[np.ix_(chosen, chosen)])[1] if chosen else 0.0
            return 0.8 * r[i].item() + 0.2 * (volume - before)

        return value

    reranker = DPP(items=items, weight=0.2, places=PLACES, similarity=by, sort=False)
    check(reranker, case, value_of, sort=False, vectors=by == "vectors")


def test_calibrated_equals_a_loop_over_the_metric(case):
    codes = encode(TABLE["genres"])

    def mass(of):
        total = np.zeros((1, codes.size + 1))
        for item in of:
            for g in codes.code_VM[item][codes.code_VM[item] > 0]:
                total[0, g] += 1 / len(SETS[item])
        return total

    def value_of(row, items, r):
        p = mass(case[2].item_BL[row].tolist())

        def value(chosen, i):
            q = mass(items[j] for j in [*chosen, i])
            if not p.any():
                return 0.3 * r[i].item()
            empty = math.log(100)  # what a list has that shares nothing
            return 0.3 * r[i].item() - 0.7 * (kl_divergence(p, q)[0] if q.any() else empty)

        return value

    reranker = Calibrated(items=items, weight=0.7, places=PLACES, sort=False)
    check(reranker, case, value_of, sort=False)


def test_calibrated_in_parts_of_the_batch_is_the_same(case, monkeypatch):
    reranker = Calibrated(items=items, places=PLACES)
    whole = reranker(*case[:3])
    monkeypatch.setattr("seqrec.rerank.calibrated.CELLS", 1)
    assert torch.equal(reranker(*case[:3]), whole)


def test_popularity_orders_by_the_corrected_score(case):
    item_BK, score_BK, history, _ = case
    order_BK = Popularity(item_count_V=COUNT_V, weight=0.5)(item_BK, score_BK, history)
    for row, items in enumerate(item_BK.tolist()):
        n = sum(item > 0 for item in items)
        worth = [score_BK[row, i].item() - 0.5 * math.log(COUNT_V[items[i]]) for i in range(n)]
        wanted = sorted(range(n), key=lambda i: -worth[i])
        assert order_BK[row].tolist() == [*wanted, *range(n, K)]


@pytest.mark.parametrize("share", [0.0, 0.3, 0.7, 1.0])
def test_every_prefix_has_its_share_of_the_tail(case, share):
    item_BK, score_BK, history, _ = case
    given = {"items": items, "item_count_V": COUNT_V, "places": PLACES}
    reranker = FairExposure(share=share, **given)
    order_BK = reranker(item_BK, score_BK, history)
    assert int(reranker.tail_V.sum()) == ITEMS - ITEMS // 5
    tail_BK = reranker.tail_V[item_BK.gather(1, order_BK)]
    had_B = reranker.tail_V[item_BK].sum(1)
    for n in range(1, PLACES + 1):
        least_B = had_B.clamp(max=math.floor(share * n + 1e-9))
        assert (tail_BK[:, :n].sum(1) >= least_B).all()
    unmoved = torch.arange(K).expand_as(order_BK)
    assert share not in (0, 1) or torch.equal(order_BK, unmoved) == (share == 0)


def test_mmr_by_hand():
    table = pl.DataFrame({"index": [1, 2, 3], "item": list("abc"), "genres": [["x"], ["x"], ["y"]]})
    history = History(torch.tensor([[1]]), torch.tensor([1]), torch.tensor([0]))
    given = torch.tensor([[1, 2, 3]]), torch.tensor([[3.0, 2.0, 1.0]]), history
    # after a (r 1): b has 0.6 * 0.5 - 0.4 * 1 = -0.1, c has 0.6 * 0 - 0.4 * 0 = 0
    given_by = {"items": lambda: table, "similarity": "genres", "sort": False}
    assert MMR(weight=0.4, **given_by)(*given).tolist() == [[0, 2, 1]]
    # at 0.3, b has 0.7 * 0.5 - 0.3 = 0.05
    assert MMR(weight=0.3, **given_by)(*given).tolist() == [[0, 1, 2]]


SHOP = pl.DataFrame(
    {
        "index": [1, 2, 3, 4, 5],
        "item": ["war1", "war2", "toy", "doll", "book"],
        "brand": ["A", "A", "B", "B", None],
        "tags": [["war"], ["war", "new"], ["kids"], ["kids"], ["kids", "new"]],
        "sequel_of": [None, "war1", None, None, None],
    }
)


def obeyed(rules, had=3, order=(1, 2, 3, 4, 5), **options):
    """The ids of a list in the order that rules give it, after a history of one item."""
    reranker = Rules(items=lambda: SHOP, rules=rules, **options)
    history = History(torch.tensor([[had, 0]]), torch.tensor([1]), torch.tensor([0]))
    item_BK = torch.tensor([[*order, 0]])
    order_BK = reranker(item_BK, -torch.arange(len(order) + 1.0)[None], history)
    return item_BK.gather(1, order_BK)[0].tolist()


def test_never_is_behind_everything_if_its_condition_holds():
    rule = {"if": {"tags": "kids"}, "never": {"tags": "war"}}
    assert obeyed([rule], had=3) == [3, 4, 5, 1, 2, 0]
    assert obeyed([rule], had=1) == [1, 2, 3, 4, 5, 0]
    assert obeyed([{"never": {"tags": ["war"], "brand": ["A", "B"]}}])[:3] == [3, 4, 5]


def test_prefer_moves_up_by_so_many_places():
    assert obeyed([{"prefer": {"tags": "new"}, "by": 3}]) == [2, 1, 5, 3, 4, 0]
    assert obeyed([{"prefer": {"tags": "new"}}]) == [1, 2, 3, 4, 5, 0]  # only a tie: by 1


def test_once_lists_one_of_each_value_before_the_others():
    assert obeyed([{"once": "brand"}]) == [1, 3, 5, 2, 4, 0]
    assert obeyed([{"once": "brand"}], places=1) == [1, 2, 3, 4, 5, 0]


def test_after_waits_for_the_original_in_the_history_or_the_list():
    order = (2, 3, 1, 4, 5)
    assert obeyed([{"after": "sequel_of"}], had=3, order=order) == [3, 1, 2, 4, 5, 0]
    assert obeyed([{"after": "sequel_of"}], had=1, order=(2, 3)) == [2, 3, 0]
    assert obeyed([{"after": "sequel_of"}], had=3, order=(2, 3)) == [3, 2, 0]


def test_never_wins_over_once_and_prefer():
    rules = [{"once": "brand"}, {"never": {"item": "toy"}}, {"prefer": {"item": "toy"}, "by": 9}]
    assert obeyed(rules) == [1, 4, 5, 2, 3, 0]


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        ({"nevr": {"tags": "war"}}, "did you mean never"),
        ({"if": {"tags": "war"}}, "it has 0 actions"),
        ({"never": {"tags": "war"}, "once": "brand"}, "it has 2 actions"),
        ({"never": {"genre": "war"}}, "no column 'genre'"),
        ({"never": {"tags": "wars"}}, "no item has tags='wars'"),
        ({"never": "war"}, "write a column and its value"),
        ({"once": "brand", "by": 2}, "only prefer"),
        ({"prefer": {"tags": "war"}, "by": 0}, "whole number of places"),
        ({"after": "brand"}, "is the id of an item"),
        ("war", "isn't a rule"),
    ],
)
def test_a_rule_that_cannot_be_obeyed_is_refused_in_words(rule, told):
    with pytest.raises(ValueError, match=r"rules\[1\].*") as error:
        Rules(items=lambda: SHOP, rules=[{"once": "brand"}, rule])
    assert told in str(error.value)


def test_rules_of_nothing_are_refused():
    with pytest.raises(ValueError, match="give at least one"):
        Rules(items=lambda: SHOP, rules=[])


def test_without_categories_lists_are_compared_by_vectors_and_not_calibrated():
    bare = TABLE.select("index", "item")
    assert MMR(items=lambda: bare).reads_vectors
    with pytest.raises(ValueError, match="no column of categories"):
        Calibrated(items=lambda: bare)
    with pytest.raises(ValueError, match="similarity=brand: the items have no column"):
        DPP(items=lambda: bare, similarity="brand")
