"""Reordered lists of a trained run: evaluated again, and their trade-offs, without training."""

import json

import pytest

pytestmark = pytest.mark.slow


@pytest.fixture
def run(finished, tmp_path):
    shared = finished("default")
    return shared.place, shared.run


def test_a_run_is_evaluated_with_a_reranker(run):
    place, folder = run
    given = ["scripts/evaluate.py", f"run={folder}", "rerank=popularity"]
    said = place.run(*given, "rerank.weight=0")
    assert "before" in said and "+0.0%" in said and "-0." not in said.partition("before")[2]
    assert "did you mean weight" in place.run(*given, "rerank.wieght=1", status=2)
    assert "did you mean rerank" in place.run(*given[:2], "rerenk=mmr", status=2)
    assert "add rerank=NAME" in place.run(*given[:2], "rerank.weight=1", status=2)


def test_trade_offs_are_printed_and_written(run, tmp_path):
    place, folder = run
    out = tmp_path / "tradeoffs.json"
    said = place.run("scripts/tradeoffs.py", str(folder), str(folder), "loss=0.5", f"out={out}",
                     "mmr.weight=[0.1, 0.2]")  # fmt: skip
    assert "fair_exposure share=" in said and "list similarity" in said
    found = json.loads(out.read_text())
    assert [point["rerank"] for point in found["points"]].count("mmr") == 2
    assert len(found["points"][0]["test"]) == 2 and found["k"] == 5
    said = place.run("scripts/tradeoffs.py", str(folder), "rerank=rules",
                     "rules.rules=[{once: nothing}]", status=2)  # fmt: skip
    assert "no column" in said
    assert "give the folder of a run" in place.run("scripts/tradeoffs.py", status=2)


def test_odd_lists_of_a_run_are_shown(run):
    place, folder = run
    said = place.run("scripts/review.py", f"run={folder}", "ratio=1")
    assert "exposure" in said or "nothing is odd" in said
    assert json.loads(place.run("scripts/review.py", f"run={folder}", "format=json")) is not None
