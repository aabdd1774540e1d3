"""A run again from its folder; a run that was moved."""

import json
import math
import os
import shutil
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from helpers.experiments import root
from helpers.place import Place, metrics

from seqrec.errors import ConfigError
from seqrec.experiment.evaluate import relocated
from seqrec.experiment.reproduce import MEASURED, changed_metrics

SHORT = ("trainer.max_epochs=2", "logger=none")


# Comparing


def test_results_are_compared_to_the_last_bit_but_for_times():
    then = {"a": 0.1 + 0.2, "b": math.nan, "fit_seconds": 3.0, "data": "x"}
    assert changed_metrics(then, then | {"fit_seconds": 4.0, "b": math.nan}) == []
    now = {"a": 0.3, "b": math.nan, "data": "y", "new": 1.0}
    found = changed_metrics(then, now)
    assert [one.name for one in found] == ["data", "new", "a"]
    assert found[0].size == found[1].size == math.inf
    assert found[2].size == pytest.approx(5.6e-17, rel=0.1)


def test_data_that_moved_is_named_by_keys_that_the_run_has():
    config = root("data=files", "data.path=a.csv")
    moved = relocated(config, ["data.path=b=c.csv", "paths.cache_dir=there"])
    assert (moved.data["path"], moved.paths.cache_dir) == ("b=c.csv", "there")
    assert relocated(config, None).data == config.data
    with pytest.raises(ConfigError) as refused:
        relocated(config, ["data.pth=b.csv", "dim=3"])
    assert "did you mean data.path?" in str(refused.value) and "dim=3" in str(refused.value)


# Whole programs


@pytest.mark.slow
def test_a_run_says_what_made_it(finished):
    run = finished("default").run
    about = json.loads((run / "run.json").read_text())
    assert about["command"].startswith("python train.py data=synthetic ")
    assert about["overrides"][-2:] == ["seed=5", f"paths.output_dir={run.parents[2]}"]
    assert about["seed"] == 5 and about["choices"]["model"] == "lstm_attn"
    assert about["wall_seconds"] > metrics(run)["fit_seconds"] > 0
    assert metrics(run)["peak_memory_mb"] > 100
    made = about["environment"]
    assert made["threads"] == 1 and len(made["code_sha256"]) == len(made["lock_sha256"]) == 64
    assert (run / "code.patch").is_file() == made["git_dirty"]


@pytest.mark.slow
def test_a_run_is_reproduced_beside_it(place, finished):
    run = place.copy(finished("default").run)
    said = place.run("scripts/reproduce.py", f"run={run}")
    again = run.with_name(f"{run.name}_again")
    assert f"all {len(metrics(run))} results equal those of the run to the last bit" in said
    assert (again / "checkpoints" / "best.ckpt").is_file()
    measured = {key: metrics(again)[key] for key in MEASURED}
    assert metrics(again) == metrics(run) | measured


@pytest.fixture
def changed(place, finished):
    """A counted run whose folder says that it came out otherwise, with another NumPy."""
    run = place.copy(finished("popularity").run)
    results, about = metrics(run), json.loads((run / "run.json").read_text())
    results["test/ndcg@5"] += 0.25
    about["environment"]["packages"]["numpy"] = "0.9"
    (run / "metrics.json").write_text(json.dumps(results))
    (run / "run.json").write_text(json.dumps(about))
    (run / "manifest.json").unlink()  # which would tell
    return run


@pytest.mark.slow
def test_a_result_and_a_package_that_differ_are_named(place, changed):
    said = place.run("scripts/reproduce.py", f"run={changed}", "tolerance=0.2", status=1)
    [row] = [line for line in said.splitlines() if line.startswith("│ test/ndcg@5 ")]
    assert "0.25 │" in row and f"1 of {len(metrics(changed))} results, by more than 0.2" in said
    [row] = [line for line in said.splitlines() if line.startswith("│ numpy ")]
    assert "0.9" in row and np.__version__ in row


@pytest.mark.slow
def test_a_difference_within_the_tolerance_is_said(place, changed):
    said = place.run("scripts/reproduce.py", f"run={changed}", "tolerance=0.3")
    assert "largest difference: test/ndcg@5, 0.25" in said


@pytest.mark.slow
def test_a_run_without_results_is_not_reproduced(place, finished, tmp_path):
    stopped = shutil.copytree(finished("popularity").run, tmp_path / "stopped")
    (stopped / "metrics.json").unlink()
    said = place.run("scripts/reproduce.py", f"run={stopped}", status=1)
    assert "the run isn't finished" in said
    assert not list(tmp_path.glob("stopped_again*"))


def write_events(file: Path):
    """40 users with 12 events each, that walk over 20 items."""
    n = np.arange(480)
    pl.DataFrame(
        {
            "user_id": n // 12,
            "item_id": (n // 12 * 7 + n % 12 * (1 + n // 12 % 3)) % 20,
            "timestamp": n,
        }
    ).write_csv(file)


@pytest.mark.slow
def test_a_moved_run_evaluates_and_recommends_with_its_first_place_gone(tmp_path):
    place, source = Place(tmp_path / "first"), tmp_path / "first" / "events.csv"
    place.folder.mkdir()
    write_events(source)
    times = source.stat()
    place.run(
        "train.py", "data=files", f"data.path={source}", "prepare.k_core=0", "dim=8",
        "trainer=cpu", "evaluation.ks=[1,5,10]", *SHORT,
    )  # fmt: skip
    moved = shutil.copytree(place.runs()[0], tmp_path / "second" / "run")
    cache = shutil.copytree(place.folder / "cache", tmp_path / "second" / "cache")
    shutil.rmtree(place.folder)
    here = Place(tmp_path / "second")

    said = here.run("scripts/recommend.py", f"run={moved}", "items=[3, 4]", "k=2")
    assert "recommended" in said
    in_cache = f"where=[paths.cache_dir={cache / 'stores'}]"
    said = here.run("scripts/evaluate.py", f"run={moved}", in_cache)
    assert "equal to metrics.json" in said

    shutil.rmtree(cache)
    said = here.run("scripts/evaluate.py", f"run={moved}", in_cache, status=1)
    assert "there is no file events.csv" in said
    elsewhere = here.folder / "events.csv"
    write_events(elsewhere)
    os.utime(elsewhere, ns=(times.st_atime_ns, times.st_mtime_ns + 1))
    from_source = f"where=[data.path={elsewhere}, paths.cache_dir={cache}]"
    said = here.run("scripts/evaluate.py", f"run={moved}", from_source)
    assert "equal to metrics.json" in said
    said = here.run("scripts/reproduce.py", f"run={moved}", from_source)
    assert "to the last bit" in said
