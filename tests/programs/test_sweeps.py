"""Sweeps that are killed, repeated and extended: nothing is trained twice, nothing is lost."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from helpers.experiments import root, store_of
from helpers.place import QUICK, SMALL, Place, metrics, ranked

from seqrec.errors import RunError
from seqrec.run import code
from seqrec.run.fingerprint import find_same, fingerprint
from seqrec.run.folder import RunFolder

WANDB = Path(sys.executable).with_name("wandb")
SWEEP = (
    "-m",
    *QUICK[:1],
    "data.n_users=80",
    *QUICK[2:],
    "model=gru_attn",
    "dropout=0.3",
    "logger=none",
)


# Which runs would come out the same


@pytest.fixture
def store(tmp_path):
    return store_of(root(), tmp_path / "stores")


def test_what_changes_no_result_changes_no_fingerprint(store):
    same = {
        fingerprint(root(*given), store)
        for given in (
            (),
            ("logger=csv", "tags=[a]", "group=g", "rerun=true", "trainer.progress=false"),
            ("paths.output_dir=elsewhere", "paths.cache_dir=elsewhere"),
        )
    }
    assert len(same) == 1
    files = [root("data=files", f"data.path={name}.csv") for name in "ab"]
    assert len({fingerprint(config, store) for config in files}) == 1  # the store tells content


def test_what_may_change_a_result_changes_the_fingerprint(store, tmp_path, monkeypatch):
    other = store_of(root("data.seed=1"), tmp_path / "stores")
    found = [fingerprint(root(*given), store) for given in ((), ("seed=2",), ("dim=9",))]
    found.append(fingerprint(root(), other))
    monkeypatch.setattr("seqrec.run.fingerprint.code_hash", lambda targets: "edited")
    found.append(fingerprint(root(), store))
    assert len(set(found)) == 5


def test_the_latest_finished_run_is_found_before_one_to_go_on_with(store, tmp_path):
    config = root(f"paths.output_dir={tmp_path / 'out'}")
    written = {"fingerprint": fingerprint(config, store)}

    def leave(place: str, *names: str, **about) -> Path:
        folder = tmp_path / "out" / place
        (folder / "checkpoints").mkdir(parents=True)
        (folder / "run.json").write_text(json.dumps(written | about))
        for name in names:
            (folder / name).touch()
        return folder

    assert find_same(config, store) is None
    leave("data/model/begun")  # nothing to go on from
    leave("data/model/other", "metrics.json", fingerprint="of another")
    assert find_same(config, store) is None
    begun = leave("data/sweeps/time/3_job", "checkpoints/last.ckpt")
    assert find_same(config, store).path == begun
    done = leave("data/model/done", "checkpoints/last.ckpt", "metrics.json")
    later = leave("data/sweeps/time/4_job", "checkpoints/last.ckpt")
    (later / "checkpoints" / "last.ckpt").write_text("later than the results")
    assert find_same(config, store).path == done


def test_a_folder_that_another_process_trains_into_is_refused(tmp_path):
    with (
        RunFolder(tmp_path).held(),
        pytest.raises(RunError, match="another process is training"),
        RunFolder(tmp_path).held(),
    ):
        pass
    with RunFolder(tmp_path).held():
        pass


def test_code_that_changes_during_a_sweep_is_still_the_code_that_was_loaded(monkeypatch, tmp_path):
    code.code_hash.cache_clear()
    first = code.code_hash()
    monkeypatch.setattr(code, "PROJECT", tmp_path)
    assert code.code_hash() == first


# Whole sweeps


def epochs(said: str) -> list[list[int]]:
    """The epochs that each job of a sweep trained."""
    jobs = said.split("\njob ")[1:]
    return [
        [int(line.split()[1]) for line in job.splitlines() if line.startswith("epoch ")]
        for job in jobs
    ]


@pytest.mark.slow
def test_a_killed_sweep_goes_on_with_the_same_command(tmp_path):
    """kill -9 in the second of three jobs; the first is skipped, the second goes on."""
    place, unbroken = Place(tmp_path / "killed"), Place(tmp_path / "unbroken")
    command = (*SWEEP, "trainer.max_epochs=4", "seed=1,2,3")
    process = place.start("train.py", *command)
    jobs = 0
    for line in process.stdout:
        jobs += line.startswith("job ")
        if jobs == 2 and line.startswith("epoch    2"):
            break
    time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert len(place.runs()) == 1
    said = place.run("train.py", *command)
    first, second, third = epochs(said)
    assert first == [] and third == [1, 2, 3, 4]
    assert second[-1] == 4 and second[0] in (2, 3)
    assert "skipped  already trained" in said
    table = said[said.rindex("\nsweep ") :]
    assert "3 jobs" in table and "2 of them were reused or resumed" in table
    [row] = [line for line in table.splitlines() if "(as configured)" in line]
    assert " 3 " in row and "±" in row
    unbroken.run("train.py", *command)
    here, there = ({run.name: ranked(run) for run in each.runs()} for each in (place, unbroken))
    assert here == there

    again = place.run("train.py", *command)
    assert epochs(again) == [[], [], []] and len(place.runs()) == 3
    assert again[again.rindex("(as configured)") :].splitlines()[0] == row[row.index("(as") :]
    said = place.run("train.py", *SWEEP, "trainer.max_epochs=4", "seed=1", "rerun=true")
    assert epochs(said) == [[1, 2, 3, 4]]
    assert len(place.runs()) == 4


@pytest.mark.slow
def test_failed_jobs_are_tried_again(place):
    command = ("-m", *QUICK, "trainer.max_epochs=1", "encoder=transformer", "encoder.heads=3,2")
    for trained in ([[], [1]], [[], []]):
        said = place.run("train.py", *command, "logger=none", status=1)
        assert epochs(said) == trained
        assert "encoder.heads=3 must divide dim=16" in said[said.rindex("\nsweep ") :]


@pytest.mark.slow
def test_a_sweep_ends_with_one_table_over_seeds(place, tmp_path):
    said = place.run(
        "train.py", "-m", *SMALL, "trainer=cpu", "trainer.max_epochs=1", "logger=none",
        "model=gru4rec,stamp", "seed=1,2",
    )  # fmt: skip
    runs = place.runs()
    assert len(runs) == 4
    assert len({metrics(run)["data_hash"] for run in runs}) == 1
    assert len(list((tmp_path / "cache" / "stores").glob("*/store.json"))) == 1
    table = said[said.rindex("\nsweep ") :]
    for model in ("gru4rec", "stamp"):
        [row] = [line for line in table.splitlines() if f"model={model}" in line]
        assert "±" in row and " 2 " in row


@pytest.mark.slow
def test_every_job_of_a_sweep_is_a_finished_run_in_wandb(place):
    place.run("train.py", "-m", *SMALL, "logger=wandb", "model=popularity,markov")
    assert len(place.runs()) == 2
    for run in place.runs():
        [file] = run.glob("wandb/offline-run-*/run-*.wandb")
        shown = subprocess.run(
            [WANDB, "leet", "inspect", "--summary", file], capture_output=True, text=True
        ).stdout
        assert "finished (exit code 0)" in shown


@pytest.mark.slow
def test_one_failed_job_does_not_stop_the_others(place):
    said = place.run(
        "train.py", "-m", *SMALL, "trainer=cpu", "trainer.max_epochs=1", "logger=none",
        "encoder=transformer", "encoder.heads=3,2", status=1,
    )  # fmt: skip
    assert len(place.runs()) == 1
    assert "encoder.heads=3 must divide dim=16" in said[said.rindex("\nsweep ") :]
