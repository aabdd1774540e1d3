"""Which runs are read, and what is said of those that are not."""

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from helpers.comparing import said
from helpers.run_folders import compared, write_run

from seqrec.comparison.read.choose import comparable, filter_runs
from seqrec.comparison.read.find import find_runs
from seqrec.errors import RunError
from seqrec.run.claim import ELSEWHERE


def test_runs_are_found_below_folders_by_patterns_and_once(outputs, runs):
    assert len(runs) == 14
    places = [str(outputs), str(outputs / "*" / "item_knn"), str(runs[3].path)]
    assert [run.path for run in find_runs(places)[0]] == [run.path for run in runs]
    [knn] = find_runs([str(outputs / "*" / "item_knn")])[0]
    assert knn.settings["model"] == "item_knn" and knn.settings["encoder"] is None
    assert knn.history == []
    assert runs[-1].path.name.startswith("9_")


def test_a_job_that_was_trained_before_stands_for_that_run(tmp_path):
    run = write_run(tmp_path / "first" / "1")
    job = tmp_path / "sweep" / "0_model"
    (job / ".hydra").mkdir(parents=True)
    (job / ELSEWHERE).write_text(f"{run}\n")
    found, skipped = find_runs([str(tmp_path)])
    assert [one.path for one in found] == [run] and not skipped
    again, _ = find_runs([str(tmp_path / "sweep")])
    assert [one.path for one in again] == [run]


def cut(name: str):
    def change(run: Path):
        (run / name).write_bytes((run / name).read_bytes()[:40])

    return change


def without(name: str):
    return lambda run: (run / name).unlink()


def failed(run: Path):
    (run / "metrics.json").unlink()
    (run / "error.txt").write_text("a file is missing\n  where: there\n")


def foreign(run: Path):
    (run / "metrics.json").write_text('{"loss": 1}')


def with_text(run: Path):
    content = json.loads((run / "metrics.json").read_text())
    (run / "metrics.json").write_text(json.dumps(content | {"fit_seconds": "long"}))


def other_config(run: Path):
    (run / "config.yaml").write_text("- a\n- b\n")


def old_ranks(run: Path):
    pl.read_parquet(run / "ranks.parquet").select("user", "rank").write_parquet(
        run / "ranks.parquet"
    )


def rank_zero(run: Path):
    pl.read_parquet(run / "ranks.parquet").with_columns(rank=0).write_parquet(run / "ranks.parquet")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (cut("metrics.json"), "metrics.json can't be read"),
        (cut("config.yaml"), "config.yaml can't be read"),
        (cut("ranks.parquet"), "ranks.parquet can't be read"),
        (cut("protocol.json"), "protocol.json can't be read"),
        (without("ranks.parquet"), "ranks.parquet can't be read"),
        (without("metrics.json"), "it isn't finished"),
        (failed, "it failed: a file is missing"),
        (foreign, "metrics.json isn't that of a run: it lacks data_hash, protocol, fit_seconds"),
        (with_text, "metrics.json isn't that of a run: it lacks fit_seconds"),
        (other_config, "config.yaml isn't that of a run"),
        (old_ranks, "ranks.parquet has no column history, item"),
        (rank_zero, "ranks.parquet has no ranks, or ranks below 1"),
    ],
)
def test_what_cannot_be_read_is_listed_and_stops_nothing(tmp_path, capsys, damage, reason):
    write_run(tmp_path / "good" / "1")
    damage(write_run(tmp_path / "bad" / "1", seed=2))
    out, err = said(capsys, str(tmp_path))
    assert "lstm_attn" in out and f"left out {tmp_path / 'bad' / '1'}: {reason}" in err


def test_a_place_without_runs_is_listed_or_refused(tmp_path, capsys):
    write_run(tmp_path / "runs" / "1")
    (tmp_path / "empty").mkdir()
    _, err = said(capsys, str(tmp_path / "runs"), str(tmp_path / "empty"))
    assert f"left out {tmp_path / 'empty'}: no run here" in err
    with pytest.raises(RunError, match="no finished run"):
        said(capsys, str(tmp_path / "empty"))


def test_a_repeated_run_counts_once_the_later_one(tmp_path):
    write_run(tmp_path / "a", started="2026-01-02", skill=1.0)
    write_run(tmp_path / "b", started="2026-01-01", skill=0.5)
    write_run(tmp_path / "c", seed=2)
    runs, [skipped] = find_runs([str(tmp_path)])
    assert [run.path.name for run in runs] == ["a", "c"]
    assert skipped.path.name == "b" and "same configuration and seed" in skipped.reason


def test_a_run_that_names_foreign_code_is_left_out(tmp_path):
    write_run(tmp_path / "a", settings={"metric.ndcg._target_": "os.getcwd"})
    runs, [skipped] = find_runs([str(tmp_path)])
    assert not runs
    assert "config.yaml names what a run may not: metric.ndcg._target_: os.getcwd" in skipped.reason


def test_the_events_of_a_run_may_be_in_any_order(tmp_path):
    write_run(tmp_path / "a")
    other = write_run(tmp_path / "b", seed=2)
    ranks = pl.read_parquet(other / "ranks.parquet")
    ranks.reverse().write_parquet(other / "ranks.parquet")
    runs, _ = find_runs([str(tmp_path)])
    assert len(comparable(runs, separate=False)) == 1
    wrote = [json.loads((r.path / "metrics.json").read_text())["test/ndcg@10"] for r in runs]
    assert compared(runs).rows[0].estimates["ndcg@10"].mean == pytest.approx(np.mean(wrote))


@pytest.mark.parametrize(
    ("settings", "typed"),
    [
        (({"data.path": "a.csv"}, {"data.path": "b's.csv"}), "data.path=a.csv"),
        (({"prepare.k_core": 5}, {"prepare.k_core": 3}), "prepare.k_core=5"),
        (({"tags": ["a"]}, {"tags": ["b"]}), None),
    ],
)
def test_runs_that_can_not_be_compared_are_told_what_separates_them(tmp_path, settings, typed):
    for name, values in zip("ab", settings, strict=True):
        write_run(tmp_path / name, card={"data_hash": name * 64}, settings=values)
    runs, _ = find_runs([str(tmp_path)])
    with pytest.raises(RunError) as refused:
        comparable(runs, separate=False)
    todo = str(refused.value.todo)
    if typed is None:
        assert f"name the folders of one group, such as {tmp_path / 'a'}" in todo
        return
    assert f"with {typed}," in todo
    key, _, value = typed.partition("=")
    assert [run.path.name for run in filter_runs(runs, {key: value})] == ["a"]


def test_trials_of_a_study_are_no_runs_unless_they_are_named(tmp_path):
    write_run(tmp_path / "run")
    study = tmp_path / "data/tune/sasrec_default"
    for file in ("study.jsonl", "trials/0000/config.yaml"):
        (study / file).parent.mkdir(parents=True, exist_ok=True)
        (study / file).touch()
    runs, skipped = find_runs([str(tmp_path)])
    assert len(runs) == 1 and skipped == []
    assert len(find_runs([str(study / "trials")])[1]) == 1
