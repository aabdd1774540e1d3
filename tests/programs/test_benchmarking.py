"""The benchmark script: numbers as JSON and as a table."""

import importlib
import json

import pytest

from seqrec.benchmark import child, explaining, parts

GIVEN = ("parts=[train, ranking]", "data=synthetic", "epochs=1", "threads=1", "model=gru4rec")


@pytest.fixture
def here(monkeypatch):
    """What is measured in processes of its own is measured in this one, which saves imports."""

    def in_child(function, *, threads, timeout=None, **arguments):
        module, _, name = function.partition(":")
        measure = getattr(importlib.import_module(f"seqrec.benchmark.{module}"), name)
        return json.loads(json.dumps(measure(**json.loads(json.dumps(arguments)))))

    monkeypatch.setattr(child, "in_child", in_child)
    monkeypatch.setattr(parts, "in_child", in_child)


@pytest.mark.slow
def test_the_script_leaves_numbers_as_json_and_as_a_table(place, tmp_path, here):
    small = "overrides=[data.n_users=60, dim=8, max_length=10]"
    said = place.run("scripts/benchmark.py", *GIVEN, small, f"out={tmp_path}")
    assert "target positions/s" in said and "users/s" in said
    [path] = tmp_path.glob("*.json")
    content = json.loads(path.read_text())
    assert content["failed"] == {} and content["machine"]["threads"] == 1
    assert content["results"]["train"]["data"]["users"] == 60
    assert {line["part"] for line in content["lines"]} == {"train", "ranking"}


@pytest.mark.slow
def test_a_mistake_is_told_before_anything_is_measured(place, tmp_path):
    said = place.run(
        "scripts/benchmark.py", *GIVEN, "overrides=[dimm=8]", f"out={tmp_path}", status=2
    )
    assert "did you mean" in said
    assert not list(tmp_path.glob("*.json"))


@pytest.mark.slow
def test_explaining_is_timed_for_every_method_and_an_audit(finished, monkeypatch, place):
    monkeypatch.chdir(finished("default").place.folder)
    monkeypatch.setattr(explaining, "LENGTH", 6)
    monkeypatch.setattr(explaining, "USERS", 2)
    monkeypatch.setattr(explaining, "AUDITED", 4)
    run = str(finished("default").run)
    result = {"length": 6, "ms": explaining.time_methods(run), **explaining.time_audit(run)}
    shown = {line.what: line for line in explaining.lines(result)}
    assert shown["leave_one_out, ms at 6 events"].at_most == 15
    assert "rollout, ms at 6 events" not in shown  # an LSTM has no attention
    assert shown["audit of 4 users, 8 methods, s"].at_most == 600
