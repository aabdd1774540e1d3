"""Counted models as whole programs."""

import re

import pytest
from helpers.place import metrics, ranked


@pytest.mark.slow
def test_runs_are_like_those_of_trained_models(place, finished):
    run, said = finished("markov").run, finished("markov").said
    results = metrics(run)
    assert results["parameters"] == 0 and "best_epoch" not in results
    assert results["test/ndcg@5"] > results["popularity/ndcg@5"]
    tried = re.findall(r"option +smoothing=([\d.]+) +valid/ndcg@\d+ 0\.\d{4}", said)
    assert [float(option) for option in tried] == [0.1, 1, 10, 100]
    assert "counted" in said and f"recommend.py run={run}" in said
    assert "equal to metrics.json" in place.run("scripts/evaluate.py", f"run={run}")
    listed = place.run("scripts/recommend.py", f"run={run}", "items=[i3,i17]", "k=3")
    weights = re.findall(r"i(?:3|17) .*?(\d\.\d{3})", listed)
    assert weights[-2:] == ["0.000", "1.000"]  # all attention on the last item


@pytest.mark.slow
def test_popularity_is_its_own_baseline(finished):
    run = finished("popularity").run
    alone = metrics(run)
    for name, value in alone.items():
        if name.startswith("test/"):
            assert value == alone[name.replace("test/", "popularity/")]
    assert ranked(run) != ranked(finished("markov").run)
