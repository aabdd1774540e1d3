"""A finished run: what it leaves, logs and says, and that it is evaluated and compared."""

import json
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest
import torch
import yaml
from helpers.place import curve, metrics

WANDB = Path(sys.executable).with_name("wandb")
pytestmark = pytest.mark.slow


def test_a_run_that_can_not_begin_leaves_nothing(place, tmp_path):
    said = place.run("train.py", "data=files", "data.path=nowhere.csv", "logger=none", status=1)
    assert "there is no file nowhere.csv" in said
    assert not list((tmp_path / "outputs").rglob("*"))


def test_a_run_leaves_everything_behind(finished):
    run, said = finished("default").run, finished("default").said
    results = metrics(run)
    assert {"test/ndcg@10", "valid/ndcg@10", "popularity/ndcg@10", "fit_seconds"} <= set(results)
    assert results["epochs"] == 3 and len(results["data_hash"]) == 64
    assert results["protocol"].startswith("leave_one_out; full ranking")
    ranks = pl.read_parquet(run / "ranks.parquet")
    assert len(ranks) == 200
    assert (ranks["rank"] <= 5).mean() == pytest.approx(results["test/hit_rate@5"])
    config = yaml.safe_load((run / "config.yaml").read_text())
    assert config["dim"] == 16 and config["data"]["n_users"] == 200
    about = json.loads((run / "run.json").read_text())
    assert about["environment"]["packages"]["torch"] == torch.__version__
    for name in ("best", "last"):
        torch.load(run / "checkpoints" / f"{name}.ckpt", weights_only=True)
    assert "popularity" in said and "Warning" not in said
    assert f"recommend.py run={run}" in said


def test_the_offline_wandb_run_reads_back(finished):
    run, said = finished("default").run, finished("default").said
    [file] = run.glob("wandb/offline-run-*/run-*.wandb")
    assert f"wandb sync {file.parent}" in said and f"wandb leet {file.parent}" in said
    shown = subprocess.run(
        [WANDB, "leet", "inspect", "--summary", file], capture_output=True, text=True, timeout=60
    ).stdout
    assert "finished (exit code 0)" in shown
    results = metrics(run)
    [line] = [row for row in shown.splitlines() if row.strip().startswith("test/ndcg@10 ")]
    assert float(line.split()[1]) == pytest.approx(results["test/ndcg@10"])
    assert "recommendations" in shown and "data_hash" in shown
    whole = subprocess.run([WANDB, "leet", "inspect", file], capture_output=True, text=True).stdout
    assert 'run_group:  "synthetic/adhoc"' in whole and 'job_type:  "train"' in whole


def test_evaluate_gives_the_numbers_that_the_run_wrote(place, finished):
    run = finished("default").run
    said = place.run("scripts/evaluate.py", f"run={run}")
    assert "equal to metrics.json" in said
    assert f"{metrics(run)['test/ndcg@10']:.4f}" in said


def test_evaluate_adds_noise_to_the_vectors_of_events(place, finished):
    run = finished("default").run
    said = place.run("scripts/evaluate.py", f"run={run}", "noise=0.5", "noise_way=worst")
    assert "0.5 of each vector's length, worst" in said and "check" not in said
    counted = finished("popularity").run
    said = place.run("scripts/evaluate.py", f"run={counted}", "noise=0.5", status=2)
    assert "a baseline or an ensemble has no vectors" in said
    said = place.run("scripts/evaluate.py", f"run={run}", "noise_way=worse", status=2)
    assert "choose random or worst" in said


def test_the_learning_curve_holds_what_was_validated(finished):
    run, said = finished("default").run, finished("default").said
    best = metrics(run)["best_epoch"]
    rows = curve(run)
    assert [row["epoch"] for row in rows] == [1, 2, 3]
    assert rows[best - 1]["valid/ndcg@10"] == metrics(run)["valid/ndcg@10"]
    for row in rows:
        assert f"epoch {row['epoch']:>4}   loss {row['train/loss']:8.4f}" in said


def test_real_runs_are_compared(place, finished, tmp_path):
    run, popular, file = (
        finished("default").run,
        finished("popularity").run,
        tmp_path / "report.html",
    )
    said = place.run(
        "scripts/compare.py", str(run), str(popular), "reference=popularity", "data=synthetic",
        f"report={file}", "replicates=500",
    )  # fmt: skip
    [row] = [line for line in said.splitlines() if "lstm_attn" in line and "│" in line]
    assert f"{metrics(run)['test/ndcg@10']:.4f}" in row
    assert "left out" not in said and file.stat().st_size > 1_000_000
    assert metrics(run)["peak_memory_mb"] > 50
