"""Every metric of lists describes each list by itself; a new one is a file and a YAML."""

import dataclasses

import numpy as np
import pytest
from helpers.components import FACTS, ITEM_TABLE, ITEMS, names, node
from helpers.experiments import root, store_of

from seqrec.build import build_list_metrics
from seqrec.config.make import make
from seqrec.evaluation import judge
from seqrec.evaluation.after_test import list_metrics
from seqrec.experiment.assemble import build_experiment
from seqrec.ranking.categories import find_categories
from seqrec.ranking.lists import Lists, Values
from seqrec.ranking.popular import popular_head
from seqrec.store.views import View

R, K, KS = 40, 8, [1, 3, 8]
FIELDS = {field.name for field in dataclasses.fields(Lists)}


@pytest.fixture(params=["categories", "vector_VD"])
def lists(request) -> Lists:
    """Lists, some short and one empty, of which categories or vectors are known."""
    draw = np.random.default_rng(1)
    top_RK = np.stack([1 + draw.permutation(ITEMS)[:K] for _ in range(R)]).astype(np.int32)
    top_RK[:5, 2:], top_RK[5] = 0, 0
    end = 5 * np.arange(1, R + 1)
    count_V = FACTS["item_count_V"].numpy()
    described = {
        "categories": find_categories(ITEM_TABLE, "auto"),
        "vector_VD": draw.normal(size=(ITEMS + 1, 3)).astype(np.float32),
    }
    return Lists(
        top_RK=top_RK, ks=KS, count_V=count_V, head_V=popular_head(count_V, None),
        rank_R=draw.integers(1, ITEMS, R), popular_rank_R=draw.integers(1, ITEMS, R),
        view=View(np.arange(R), end - 3, end), items=lambda: ITEM_TABLE,
        item=draw.integers(1, ITEMS + 1, 5 * R + 1),
        **{request.param: described[request.param]},
    )  # fmt: skip


def chosen(lists: Lists, order: np.ndarray) -> Lists:
    own = {name: getattr(lists, name)[order] for name in ("top_RK", "rank_R", "popular_rank_R")}
    return dataclasses.replace(lists, view=lists.view.take(order), **own)


def check(metric, lists: Lists):
    assert set(metric.needs) <= FIELDS
    if any(getattr(lists, need) is None for need in metric.needs):
        return
    found = metric(lists)
    order = np.random.default_rng(2).permutation(R)[: R // 2]
    some = metric(chosen(lists, order))
    for name, values in found.items():
        k = int(name.partition("@")[2])
        assert k in KS
        total_R, weight_R = values.total_R, values.weight_R
        assert total_R.shape == weight_R.shape == (R,)
        assert np.isfinite(total_R).all() and np.isfinite(weight_R).all() and (weight_R >= 0).all()
        np.testing.assert_allclose(some[name].total_R, total_R[order])
        np.testing.assert_allclose(some[name].weight_R, weight_R[order])
        cut = lists.top_RK.copy()
        cut[:, k:] = 0
        short = metric(dataclasses.replace(lists, top_RK=cut))[name]
        np.testing.assert_allclose(short.total_R, total_R)


@pytest.mark.parametrize("name", names("list_metric"))
def test_a_metric_of_lists_keeps_its_contract(name, lists):
    [described] = node("list_metric", name).values()
    check(make(described), lists)


class Relative:
    """Compares each list with the mean of all."""

    needs = ()

    def __call__(self, lists: Lists) -> dict[str, Values]:
        share_R = lists.head_V[lists.top_RK].mean(1)
        return {f"relative@{k}": Values.of(share_R - share_R.mean()) for k in lists.ks}


class Deep:
    """Looks at all places, whatever the length."""

    needs = ()

    def __call__(self, lists: Lists) -> dict[str, Values]:
        share_R = lists.head_V[lists.top_RK].mean(1)
        return {f"deep@{k}": Values.of(share_R) for k in lists.ks}


class Hungry(Deep):
    """Needs what lists don't have."""

    needs = ("prices",)


@pytest.mark.parametrize("broken", [Relative, Deep, Hungry])
def test_a_broken_one_fails(broken, lists):
    with pytest.raises(AssertionError):
        check(broken(), lists)


OWN = """
from typing import ClassVar

from seqrec.ranking.lists import Lists, Values


class HeadShare:
    needs: ClassVar[tuple[str, ...]] = ("head_V",)

    def __call__(self, lists: Lists) -> dict[str, Values]:
        share = lists.head_V[lists.top_RK]
        return {f"own_head_share@{k}": Values.of(share[:, :k].mean(1)) for k in lists.ks}
"""


def test_a_new_one_is_a_file_and_a_yaml(tmp_path, monkeypatch):
    (tmp_path / "own_head_share.py").write_text(OWN)
    folder = tmp_path / "configs" / "list_metric"
    folder.mkdir(parents=True)
    (folder / "own.yaml").write_text("own:\n  _target_: own_head_share.HeadShare\n")
    monkeypatch.syspath_prepend(tmp_path)
    config = root(f"hydra.searchpath=[file://{tmp_path}/configs]", "list_metric=[own,exposure]")
    assert list(build_list_metrics(config)) == ["own", "exposure"]
    store = store_of(config, tmp_path / "store")
    task = build_experiment(config, store).task
    n = len(task.splits.test)
    top_RK = np.tile(np.arange(1, 21, dtype=np.int32), (n, 1))
    tested = judge.Tested(np.arange(n), np.ones(n, dtype=np.int64), top_RK, None)
    found = list_metrics(task, tested, tested)
    for k in config.evaluation.ks:
        share = found[f"own_head_share@{k}"].mean()
        assert share == pytest.approx(1 - found[f"tail_share@{k}"].mean())
    assert not any(name.startswith("diversity") for name in found)
