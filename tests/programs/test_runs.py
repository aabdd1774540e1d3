"""Whole programs, as a user runs them: train, sweep, kill and resume, evaluate, recommend."""

import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import polars as pl
import pytest
import torch
import yaml
from helpers.place import QUICK, ROOT, SMALL, Place, metrics, ranked
from polars.testing import assert_frame_equal

from seqrec.errors import DataError, RunError
from seqrec.recommend import Recommender

WANDB = Path(sys.executable).with_name("wandb")
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return Place(tmp_path_factory.mktemp("place"))


@pytest.fixture(scope="module")
def finished(place):
    """A run of three epochs, logged to W&B without an API key, and what it printed."""
    said = place.run("train.py", *QUICK, "trainer.max_epochs=3")
    return place.runs()[-1], said


@pytest.mark.slow
def test_a_run_that_can_not_begin_leaves_nothing(tmp_path):
    place = Place(tmp_path)
    said = place.run("train.py", "data=files", "data.path=nowhere.csv", "logger=none", status=1)
    assert "there is no file nowhere.csv" in said
    assert not list((tmp_path / "outputs").rglob("*"))


def test_a_run_leaves_everything_behind(finished):
    run, said = finished
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
    run, said = finished
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
    run, _ = finished
    said = place.run("scripts/evaluate.py", f"run={run}")
    assert "equal to metrics.json" in said
    assert f"{metrics(run)['test/ndcg@10']:.4f}" in said


def test_recommend_answers_unseen_sessions(place, finished):
    run, _ = finished
    session = "items=[i3, i17, nothing, i3]"
    answer = json.loads(place.run("scripts/recommend.py", f"run={run}", session, "format=json"))
    assert answer["unknown"] == ["nothing"]
    assert [row["item"] for row in answer["history"]] == ["i3", "i17", "i3"]
    assert sum(row["attention"] for row in answer["history"]) == pytest.approx(1)
    assert [row["rank"] for row in answer["items"]] == list(range(1, 11))
    scores = [row["score"] for row in answer["items"]]
    assert scores == sorted(scores, reverse=True)
    assert answer["items"][0]["title"].startswith("item ")


def test_recommend_answers_users(place, finished):
    said = place.run("scripts/recommend.py", f"run={finished[0]}", "user=u7", "k=3")
    assert "recommended" in said and "item 1" in said


def test_recommend_answers_everybody_as_it_answers_each(place, finished, tmp_path):
    run, out = finished[0], tmp_path / "lists.parquet"
    said = place.run("scripts/recommend.py", f"run={run}", f"out={out}", "k=4")
    assert "800 rows of 200 users" in said and list(tmp_path.iterdir()) == [out]
    lists, recommender = pl.read_parquet(out), Recommender.load(run)
    for user in ("u0", "u7", "u199"):  # the last user's history ends with the data
        alone = recommender.recommend(recommender.session(user), k=4).items
        assert_frame_equal(
            lists.filter(user=user).select("item", "score"),
            alone.select("item", "score"),
            check_dtypes=False,
        )
    said = place.run("scripts/recommend.py", f"run={run}", f"out={tmp_path}/lists.xls", status=2)
    assert "end it in .parquet or .csv" in said


def test_recommend_says_why_nothing_is_left(place, finished):
    every = "items=[" + ", ".join(f"i{n}" for n in range(40)) + "]"
    said = place.run("scripts/recommend.py", f"run={finished[0]}", every, "mask_seen=true")
    assert "nothing  to recommend; every item" in said and "rank" not in said
    said = place.run("scripts/recommend.py", f"run={finished[0]}", every, "mask_seen=false", "k=3")
    assert "recommended" in said and "nothing" not in said


def test_a_copied_run_answers_without_its_data(finished, tmp_path):
    moved = shutil.copytree(finished[0], tmp_path / "moved")
    recommender = Recommender.load(moved)
    assert len(recommender.recommend(["i1"], k=4).items) == 4
    seen = recommender.recommend(["i1", "i2"], k=40, mask_seen=True).items["item"]
    assert len(seen) == 38 and not {"i1", "i2"} & set(seen)
    with pytest.raises(DataError, match="none of the 1 items is in the run's catalogue"):
        recommender.recommend(["x"])


def test_what_is_no_run_or_a_damaged_one_is_named(finished, tmp_path):
    with pytest.raises(RunError, match="not the folder of a run"):
        Recommender.load(tmp_path)
    broken = shutil.copytree(finished[0], tmp_path / "broken")
    best = broken / "checkpoints" / "best.ckpt"
    best.write_bytes(best.read_bytes()[:1000])
    with pytest.raises(RunError, match="checkpoint can't be read"):
        Recommender.load(broken)
    best.unlink()
    with pytest.raises(RunError, match="resume=auto"):
        Recommender.load(broken)
    for name, content in (("config.yaml", "dim: ["), ("run.json", "{}")):
        copy = shutil.copytree(finished[0], tmp_path / name.partition(".")[0])
        (copy / name).write_text(content)
        with pytest.raises(RunError, match=f"{name} can't be read"):
            Recommender.load(copy)


def test_a_killed_run_goes_on_to_the_same_result(place, tmp_path):
    """kill -9 in the middle of an epoch, then the same command with resume=auto."""
    unbroken, killed = Place(tmp_path / "unbroken"), Place(tmp_path / "killed")
    command = (*QUICK, "model=gru_attn", "dropout=0.3", "trainer.max_epochs=8", "seed=7")
    command += ("trainer.ema=0.9",)
    loss = ("loss=sampled_softmax", "negatives.num=16", "logger=csv")  # draws random numbers too
    loss += ("scheduler=plateau", "scheduler.patience=0", "optimizer.lr=0.05")  # best comes early
    unbroken.run("train.py", *command, *loss)
    process = subprocess.Popen(
        killed.command("train.py", *command, *loss), env=killed.env, cwd=ROOT,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("epoch    3"):
            break
    time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not killed.runs()
    said = killed.run("train.py", *command, *loss, "resume=auto")
    [run] = killed.runs()
    assert f"from {run}" in said and "epoch    8" in said
    assert not any(f"epoch    {done} " in said for done in (1, 2))
    assert ranked(run) == ranked(unbroken.runs()[0])
    assert curve(run) == curve(unbroken.runs()[0]) and len(curve(run)) == 8


def curve(run: Path) -> list[dict]:
    """The epochs of ``history.jsonl``, without what the clock says."""
    rows = [json.loads(line) for line in (run / "history.jsonl").read_text().splitlines()]
    return [{k: v for k, v in row.items() if k != "seconds"} for row in rows]


def test_the_learning_curve_holds_what_was_validated(finished):
    run, said = finished
    best = metrics(run)["best_epoch"]
    rows = curve(run)
    assert [row["epoch"] for row in rows] == [1, 2, 3]
    assert rows[best - 1]["valid/ndcg@10"] == metrics(run)["valid/ndcg@10"]
    for row in rows:
        assert f"epoch {row['epoch']:>4}   loss {row['train/loss']:8.4f}" in said


def test_real_runs_are_compared(place, finished, tmp_path):
    run, _ = finished
    place.run("train.py", *SMALL, "trainer=cpu", "logger=none", "model=popularity", "seed=3")
    file = tmp_path / "report.html"
    said = place.run(
        "scripts/compare.py", str(place.outputs), "reference=popularity", "data=synthetic",
        f"report={file}", "replicates=500",
    )  # fmt: skip
    [row] = [line for line in said.splitlines() if "lstm_attn" in line and "│" in line]
    assert f"{metrics(run)['test/ndcg@10']:.4f}" in row
    assert "left out" not in said and file.stat().st_size > 1_000_000
    assert metrics(run)["peak_memory_mb"] > 50


def test_a_sweep_ends_with_one_table_over_seeds(place, tmp_path):
    sweep = Place(tmp_path)
    said = sweep.run(
        "train.py", "-m", *SMALL, "trainer=cpu", "trainer.max_epochs=1", "logger=wandb",
        "model=gru4rec,stamp", "seed=1,2",
    )  # fmt: skip
    runs = sweep.runs()
    assert len(runs) == 4
    assert len({metrics(run)["data_hash"] for run in runs}) == 1
    assert len(list((tmp_path / "cache" / "stores").glob("*/store.json"))) == 1
    table = said[said.rindex("\nsweep ") :]
    for model in ("gru4rec", "stamp"):
        [row] = [line for line in table.splitlines() if f"model={model}" in line]
        assert "±" in row and " 2 " in row
    for run in runs:
        [file] = run.glob("wandb/offline-run-*/run-*.wandb")
        shown = subprocess.run(
            [WANDB, "leet", "inspect", "--summary", file], capture_output=True, text=True
        ).stdout
        assert "finished (exit code 0)" in shown


def test_one_failed_job_does_not_stop_the_others(tmp_path):
    sweep = Place(tmp_path)
    said = sweep.run(
        "train.py", "-m", *SMALL, "trainer=cpu", "trainer.max_epochs=1", "logger=none",
        "encoder=transformer", "encoder.heads=3,2", status=1,
    )  # fmt: skip
    assert len(sweep.runs()) == 1
    assert "encoder.heads=3 must divide dim=16" in said[said.rindex("\nsweep ") :]
