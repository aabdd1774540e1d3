"""With a reranker, ranks, lists, samples and recommendations are all in its order."""

import json

import numpy as np
import polars as pl
import pytest
from helpers.experiments import root
from helpers.rerankers import TailFirst
from omegaconf import OmegaConf

from seqrec.config.typed import plain_values
from seqrec.experiment.run import run
from seqrec.recommend import Recommender

GIVEN = ("data.n_users=60", "data.n_items=40", "model=markov", "evaluation.ks=[3,8]")


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """The same run without and with a reranker, which takes the place of ``none``."""
    folder = tmp_path_factory.mktemp("reranked")
    config = root(*GIVEN, f"paths.cache_dir={folder}", "evaluation.monitor=ndcg@8")
    choices = {"model": "markov", "data": "synthetic"}
    for name in ("bare", "tail"):
        with pytest.MonkeyPatch.context() as patch:
            if name == "tail":
                patch.setattr("seqrec.rerank.none.NoRerank", TailFirst)
            composed = OmegaConf.create(plain_values(config))
            run(composed, folder / name, choices=choices, overrides=[])
    return folder / "bare", folder / "tail"


def read(folder):
    lists = pl.read_parquet(folder / "lists.parquet").with_row_index("event")
    return lists, pl.read_parquet(folder / "ranks.parquet")["rank"].to_numpy()


def test_lists_and_ranks_of_the_test_are_in_the_new_order(runs):
    (bare, old), (tail, new) = map(read, runs)
    assert bare["item"].equals(tail["item"])
    moved = 0
    for item, before, after, was, now in zip(
        bare["item"], bare["recommended"], tail["recommended"], old, new, strict=True
    ):
        assert set(after[:5]) == set(before[:5]) and after[5:].equals(before[5:])
        moved += not after.equals(before)
        assert now == (after.to_list().index(item) + 1 if was <= 5 else was)
    assert moved > len(old) / 2 and (old != new).any()


def test_metrics_are_those_of_the_new_lists(runs):
    bare, tail = (json.loads((folder / "metrics.json").read_text()) for folder in runs)
    _, rank = read(runs[1])
    assert tail["test/hit_rate@3"] == pytest.approx((rank <= 3).mean())
    assert tail["test/ndcg@3"] == pytest.approx(((rank <= 3) / np.log2(rank + 1)).mean())
    assert tail["test/tail_share@3"] > bare["test/tail_share@3"]
    assert tail["test/hit_rate@8"] == bare["test/hit_rate@8"]  # it moves the first five alone
    own = {key: value for key, value in bare.items() if key.startswith("popularity/")}
    assert own and all(tail[key] == value for key, value in own.items())  # it is a baseline


def test_recommendations_are_in_the_new_order(runs):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("seqrec.rerank.none.NoRerank", TailFirst)
        asks = Recommender.load(runs[1])
    session = asks.session("u3")
    new = asks.recommend(session, k=8).items["item"].to_list()
    old = Recommender.load(runs[0]).recommend(session, k=8).items["item"].to_list()
    assert sorted(new[:5]) == sorted(old[:5]) and new[5:] == old[5:]
    [everybody] = pl.concat(asks.everybody(k=8)).filter(user="u3").select(pl.col("item").implode())
    assert everybody[0].to_list() == new
