"""Lists beyond accuracy against naive loops, known numbers and what must hold for any list."""

import itertools
import math
from collections import Counter

import numpy as np
import polars as pl
import pytest

from seqrec.errors import ConfigError
from seqrec.evaluation.slices import slice_metrics
from seqrec.list_metric import _parts
from seqrec.list_metric.calibration import Calibration, kl_divergence
from seqrec.list_metric.diversity import Diversity
from seqrec.list_metric.exposure import Exposure
from seqrec.list_metric.serendipity import Serendipity
from seqrec.metric.hit_rate import HitRate
from seqrec.ranking.categories import Categories, encode, find_categories
from seqrec.ranking.lists import Lists, Values
from seqrec.ranking.popular import popular_head
from seqrec.store.views import View

ITEMS, LISTS, K = 30, 40, 6
KS = [1, 3, 6]
TABLE = pl.DataFrame(
    {
        "index": [1, 2, 3, 4, 5],
        "item": list("abcde"),
        "title": ["x", "x", "x", "y", "y"],
        "price": [1.0, 2.0, 3.0, 4.0, 5.0],
        "code": ["p", "q", "r", "s", "t"],
        "brand": ["m", "m", "n", " ", None],
        "genres": [["war", "love"], ["war"], ["love", "love"], [], None],
    }
)


@pytest.fixture
def case():
    """Random lists, some shorter; items with 0 to 3 categories; histories in one array."""
    random = np.random.default_rng(1)
    genres = [
        [f"g{g}" for g in random.choice(5, size=random.integers(4), replace=False)]
        for _ in range(ITEMS)
    ]
    top_RK = np.stack([1 + random.permutation(ITEMS)[:K] for _ in range(LISTS)]).astype(np.int32)
    top_RK[:8, 2:] = 0
    top_RK[8:10] = 0
    length = random.integers(1, 9, size=LISTS)
    end = np.cumsum(length)
    item = random.integers(1, ITEMS + 1, size=end[-1] + 1).astype(np.int32)
    view = View(np.arange(LISTS), end - length, end)
    return [[], *genres], encode(pl.Series("genres", genres)), top_RK, item, view


def lists(top_RK, ks, **known) -> Lists:
    """Lists of which only some things are known."""
    rank_R, none = np.ones(len(top_RK), dtype=np.int64), np.zeros(0, dtype=np.int64)
    rest = {"rank_R": rank_R, "popular_rank_R": rank_R, "view": View(none, none, none)}
    rest |= {"item": none, "count_V": none, "head_V": none.astype(bool)}
    return Lists(top_RK=top_RK, ks=ks, **(rest | known))


def jaccard(a, b) -> float:
    return 1 - len(set(a) & set(b)) / len(set(a) | set(b))


def shares(items, genres) -> dict[str, float]:
    """The mean of the items' distributions over their categories."""
    known = [i for i in items if genres[i]]
    mass = Counter()
    for i in known:
        for g in genres[i]:
            mass[g] += 1 / len(genres[i]) / len(known)
    return mass


def test_diversity_equals_a_loop_over_pairs(case):
    genres, categories, top_RK, _, _ = case
    found = Diversity()(lists(top_RK, KS, categories=categories))
    assert list(found) == ["diversity@3", "diversity@6"]  # of one item there is no pair
    for k in (3, 6):
        for row, top in enumerate(top_RK):
            known = [i for i in top[:k] if genres[i]]
            far = [jaccard(genres[a], genres[b]) for a, b in itertools.combinations(known, 2)]
            assert found[f"diversity@{k}"].weight_R[row] == bool(far)
            assert found[f"diversity@{k}"].total_R[row] == pytest.approx(np.mean(far) if far else 0)


def test_diversity_of_vectors_equals_a_loop_over_pairs(case):
    top_RK = case[2]
    vectors = np.random.default_rng(2).normal(size=(ITEMS + 1, 4)).astype(np.float32)
    vectors[7] = 0  # says nothing of its item
    found = Diversity()(lists(top_RK, [6], vector_VD=vectors))
    for row, top in enumerate(top_RK):
        pairs = itertools.combinations(
            [vectors[i].astype(float) for i in top if i not in (0, 7)], 2
        )
        far = [1 - a @ b / math.sqrt((a @ a) * (b @ b)) for a, b in pairs]
        value = found["vector_diversity@6"]
        assert value.weight_R[row] == bool(far)
        assert value.total_R[row] == pytest.approx(np.mean(far) if far else 0, abs=1e-6)


def test_diversity_of_known_numbers():
    categories = encode(TABLE["genres"])
    top_RK = np.array([[1, 2, 3], [2, 2, 2], [4, 5, 1], [2, 3, 4]])
    found = Diversity()(lists(top_RK, [3], categories=categories))["diversity@3"]
    # {war, love}, {war}, {love}: distances 1/2, 1/2, 1; nothing in common: 1
    assert found.total_R.tolist() == pytest.approx([2 / 3, 0, 0, 1])
    assert found.weight_R.tolist() == [1, 1, 0, 1]  # of 4 and 5 nothing is known
    assert found.mean() == pytest.approx((2 / 3 + 1) / 3)
    same = np.tile(np.array([[1.0, 2.0]], dtype=np.float32), (6, 1))
    alike = Diversity()(lists(top_RK, [3], vector_VD=same))["vector_diversity@3"]
    assert alike.mean() == pytest.approx(0, abs=1e-7)


@pytest.mark.parametrize(("shared", "at_once"), [(False, 1 << 22), (True, 1 << 22), (True, 200)])
def test_miscalibration_equals_a_loop(case, monkeypatch, shared, at_once):
    """Also of histories that begin together, in any order and in parts of any size."""
    genres, categories, top_RK, item, view = case
    monkeypatch.setattr(_parts, "MAX_AT_ONCE", at_once)
    if shared:
        begin = np.random.default_rng(2).choice([0, 30, 31], size=LISTS)
        end = begin + np.random.default_rng(3).integers(1, 30, size=LISTS)
        view = View(begin, begin, end)
    found = Calibration()(lists(top_RK, KS, categories=categories, item=item, view=view))
    for k in KS:
        value = found[f"miscalibration@{k}"]
        for row, top in enumerate(top_RK):
            p = shares(item[view.start[row] : view.end[row]], genres)
            q = shares(top[:k], genres)
            assert value.weight_R[row] == bool(p and q)
            if p and q:
                far = sum(p[g] * math.log(p[g] / (0.99 * q[g] + 0.01 * p[g])) for g in p)
                assert value.total_R[row] == pytest.approx(far)


def test_a_list_like_the_history_is_calibrated_and_one_unlike_it_is_not():
    categories = encode(TABLE["genres"])
    item = np.array([2, 3, 1, 2, 2], dtype=np.int32)
    view = View(np.arange(2), np.array([0, 3]), np.array([3, 5]))
    top_RK = np.array([[1, 2, 3], [3, 3, 4]])
    given = lists(top_RK, [3], categories=categories, item=item, view=view)
    value = Calibration()(given)["miscalibration@3"]
    assert value.total_R.tolist() == pytest.approx([0, math.log(100)], abs=1e-12)
    p, q = np.array([[0.5, 0.5]]), np.array([[0.25, 0.75]])  # alpha 0: plain Kullback-Leibler
    assert kl_divergence(p, q, alpha=0).item() == pytest.approx(0.5 * math.log(4 / 3))


def test_exposure_equals_a_loop(case):
    _, _, top_RK, item, view = case
    count_V = np.random.default_rng(3).integers(0, 50, size=ITEMS + 1)
    count_V[0] = 0
    head_V = popular_head(count_V, None)
    assert head_V.sum() == 6 and count_V[head_V].min() >= count_V[1:][~head_V[1:]].max()
    given = lists(top_RK, KS, head_V=head_V, count_V=count_V, item=item, view=view)
    found = Exposure()(given)
    for k in KS:
        filled = [(row, [i for i in top[:k] if i]) for row, top in enumerate(top_RK) if top[0]]
        tail = np.mean([np.mean([not head_V[i] for i in shown]) for _, shown in filled])
        assert found[f"tail_share@{k}"].mean() == pytest.approx(tail)
        gap = (1 - tail) - count_V[head_V].sum() / count_V.sum()
        assert found[f"exposure_gap@{k}"].mean() == pytest.approx(gap)
        listed = np.mean([np.mean(count_V[shown]) for _, shown in filled])
        chosen = np.mean([np.mean(count_V[item[view.start[r] : view.end[r]]]) for r, _ in filled])
        assert found[f"popularity_ratio@{k}"].mean() == pytest.approx(listed / chosen)


def test_the_head_is_a_fifth_of_the_candidates():
    count_V = np.array([99, 5, 9, 1, 2, 3, 4, 0, 0, 0, 8])
    assert np.flatnonzero(popular_head(count_V, None)).tolist() == [2, 10]
    may_V = count_V < 8
    assert np.flatnonzero(popular_head(count_V, may_V)).tolist() == [1]
    assert popular_head(np.array([0, 1, 1]), None).sum() == 1  # never none


def test_serendipity_is_what_popularity_does_not_find():
    rank, popular = np.array([1, 1, 4, 9]), np.array([1, 8, 3, 12])
    top = np.ones((4, 5), dtype=np.int32)
    found = Serendipity()(lists(top, [3, 5], rank_R=rank, popular_rank_R=popular))
    assert found["serendipity@3"].mean() == pytest.approx(1 / 4 / 3)
    assert found["serendipity@5"].mean() == pytest.approx(1 / 4 / 5)
    same = Serendipity()(lists(top, [5], rank_R=popular, popular_rank_R=popular))
    assert same["serendipity@5"].mean() == 0


def test_slices_and_gaps_of_known_numbers():
    events = pl.DataFrame(
        {
            "history": [5, 5, 9, 9],
            "user_events": [0, 4, 8, 8],
            "item_events": [0, 3, 30, 40],
            "head": [False, False, True, True],
            "rank": [1, 20, 2, 1],
        }
    )
    of_lists = {
        "tail_share@10": Values.of(np.array([0.5, 0.25, 0.0, np.nan])),
        "tail_share@5": Values.of(np.ones(4)),
        "popularity_ratio@10": Values(np.array([2.0, 4, 6, 8]), np.array([1.0, 1, 4, 1])),
    }
    found = slice_metrics(events, {"hit_rate": HitRate()}, 10, of_lists)
    assert found["slices/item=tail/hit_rate@10"] == 0.5 and found["slices/item=head/events"] == 2
    assert found["gaps/item/hit_rate@10"] == 0.5
    assert found["slices/arrival=new/hit_rate@10"] == 1 and found["slices/arrival=new/events"] == 1
    assert found["gaps/arrival/hit_rate@10"] == pytest.approx(2 / 3 - 1)
    assert found["slices/user=active/tail_share@10"] == 0  # of the last list there is none
    assert found["gaps/user/tail_share@10"] == -0.375
    assert found["slices/user=light/popularity_ratio@10"] == 3
    assert found["gaps/user/popularity_ratio@10"] == pytest.approx(14 / 5 - 3)
    assert not any("@5" in name for name in found)
    older = slice_metrics(events.drop("head"), {"hit_rate": HitRate()}, 10)
    assert {name for name in found if "item=" not in name} > older.keys()
    known = slice_metrics(events.filter(pl.col("user_events") > 0), {"hit_rate": HitRate()}, 10)
    assert "slices/arrival=known/events" in known and "gaps/arrival/hit_rate@10" not in known


def test_how_many_lists_are_looked_at_together_moves_nothing(case, monkeypatch):
    _, categories, top_RK, item, view = case

    def all_of_them():
        given = lists(top_RK, KS, categories=categories, item=item, view=view)
        found = Diversity()(given) | Calibration()(given)
        return {name: each.mean() for name, each in found.items()}

    whole = all_of_them()
    monkeypatch.setattr(_parts, "MAX_AT_ONCE", 50)
    assert len(list(_parts.parts(np.full(LISTS, 20)))) > 10
    assert all_of_them() == whole


def test_parts_are_all_rows_once():
    rows = [
        list(range(10))[part] for part in _parts.parts(np.array([_parts.MAX_AT_ONCE] * 3 + [1] * 7))
    ]
    assert [row for part in rows for row in part] == list(range(10)) and len(rows) > 2


def test_metrics_that_no_list_has_a_value_of_are_none():
    assert Values.of(np.array([np.nan, np.nan])).mean() is None
    value = Values.of(np.array([1.0, np.nan, 3.0]))
    assert value.mean() == 2
    assert value.mean(np.array([True, True, False])) == 1
    assert value.mean(np.array([False, True, False])) is None
    none = Categories("genres", np.zeros((ITEMS + 1, 1), dtype=np.int32), 0)
    top_RK, item = np.array([[1, 2]]), np.array([1, 2])
    view = View(np.array([0]), np.array([0]), np.array([1]))
    given = lists(top_RK, [2], categories=none, item=item, view=view)
    assert Diversity()(given)["diversity@2"].mean() is None
    found = Calibration()(given)
    assert found["miscalibration@2"].mean() is None


def test_categories_are_the_first_column_that_items_share():
    found = find_categories(TABLE, "auto")
    assert found.name == "genres" and found.size == 2
    assert found.code_VM.tolist() == [[0, 0], [2, 1], [2, 0], [1, 0], [0, 0], [0, 0]]
    brand = TABLE.drop("genres").with_columns(brand=pl.Series(["m", "m", "n", "n", None]))
    assert find_categories(brand, "auto").name == "brand"  # each code is another
    same = TABLE.with_columns(genres=pl.Series([["war", "love"]] * 5), brand=pl.lit("m"))
    assert find_categories(same, "auto") is None  # tells no items apart
    assert find_categories(TABLE.drop("genres", "brand"), "auto") is None
    assert find_categories(TABLE, None) is None
    named = find_categories(TABLE, "brand")
    assert named.code_VM.ravel().tolist() == [0, 1, 1, 2, 0, 0]
    assert find_categories(TABLE, "price").size == 5
    for wrong in ("genre", "title", "item"):
        with pytest.raises(ConfigError, match="genres") as refused:
            find_categories(TABLE, wrong)
        assert "evaluation.category" in str(refused.value)
