"""Several processes, one run: the same batches, the same numbers, one folder."""

import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import polars as pl
import pytest
from helpers import ROOT
from helpers.place import SMALL, Place, metrics, ranked
from helpers.torchrun import as_torchrun
from omegaconf import OmegaConf

from seqrec.config.schema import Trainer
from seqrec.errors import ConfigError, WriteError
from seqrec.experiment.processes import agree, check_shares
from seqrec.machine.process import RANKS, is_first_process, rank
from seqrec.run.claim import NewFolder, claim

TORCHRUN = Path(sys.executable).with_name("torchrun")
COMMON = (*SMALL, "logger=csv", "trainer.max_epochs=2", "dropout=0", "trainer.accelerator=cpu")
COMMON += ("trainer.gradient_clip=0.1",)  # reached at every step
COMMON += ("trainer.precision=fp32",)  # bf16 rounds a batch's halves otherwise than the whole
TWO = (*COMMON, "trainer=ddp", "trainer.devices=2", "batch.size=16")


@pytest.fixture(autouse=True)
def _alone(monkeypatch):
    for name in RANKS:
        monkeypatch.delenv(name, raising=False)


# Which process this is


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, 0),
        ({"RANK": "3", "LOCAL_RANK": "1"}, 3),  # torchrun, on the second machine
        ({"LOCAL_RANK": "1", "SLURM_PROCID": "0"}, 1),  # of Lightning, within an allocation
        ({"SLURM_PROCID": "2"}, 2),  # srun
    ],
)
def test_a_process_knows_its_rank(monkeypatch, given, expected):
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    assert rank() == expected and is_first_process() == (expected == 0)


def test_processes_that_the_trainer_does_not_expect_are_refused(monkeypatch):
    with pytest.raises(ConfigError, match="several machines needs a launcher"):
        agree(Path("x"), Trainer(accelerator="cpu", devices=2, num_nodes=2))
    monkeypatch.setenv("RANK", "1")
    with pytest.raises(ConfigError, match="process 1 of several, but the trainer is configured"):
        agree(Path("x"), Trainer(accelerator="cpu", devices=1))


def test_fewer_events_than_processes_are_refused():
    check_shares({"validation": 3, "test": 4}, 3)
    with pytest.raises(ConfigError, match="4 processes can't share 3 validation events"):
        check_shares({"validation": 3, "test": 4}, 4)


# Folders


def test_every_run_has_a_folder_of_its_own(tmp_path):
    with ThreadPoolExecutor(16) as pool:
        folders = list(pool.map(claim, [tmp_path / "data" / "now"] * 16))
    assert len(set(folders)) == 16 and all(folder.is_dir() for folder in folders)
    assert tmp_path / "data" / "now_16" in folders


def test_a_folder_that_can_not_be_made_is_said(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(WriteError, match="can't be written"):
        claim(tmp_path / "file" / "now")
    with pytest.raises(SystemExit) as end:
        settled(tmp_path / "file" / "now", f"hydra.run.dir='{tmp_path}/file/now'")
    assert end.value.code == 1


def settled(folder: Path, *overrides: str, kind: str = "run") -> Path:
    node = {"dir": str(folder)}
    hydra = {
        "run": node,
        "sweep": node,
        "overrides": {"hydra": list(overrides), "task": ["seed=1,2"]},
    }
    config = OmegaConf.create({"hydra": hydra, "paths": {"output_dir": str(folder.parent)}})
    callback = NewFolder()
    getattr(callback, {"run": "on_run_start", "sweep": "on_multirun_start"}[kind])(config)
    chosen = Path(config.hydra[kind].dir)
    if not overrides:
        assert config.hydra.overrides.hydra[0] == f"hydra.{kind}.dir='{chosen}'"
    return chosen


def test_a_taken_folder_is_left_alone_unless_it_is_named(tmp_path, monkeypatch):
    now = tmp_path / "now"
    assert settled(now) == now
    assert settled(now) == tmp_path / "now_2"
    assert settled(now, kind="sweep") == tmp_path / "now_3"
    assert settled(now, f"hydra.run.dir='{now}'") == now
    monkeypatch.setenv("RANK", "1")
    assert not settled(tmp_path / "other").is_relative_to(tmp_path)
    assert not (tmp_path / "other").exists()


# Whole programs


def losses(run: Path) -> list[float]:
    """Mean training loss of each epoch."""
    return pl.read_csv(run / "csv" / "metrics.csv")["train/loss_epoch"].drop_nulls().to_list()


def torchrun(place: Place, *arguments: str):
    command = [str(TORCHRUN), "--nproc_per_node", "2", *place.command("train.py", *arguments)[1:]]
    done = subprocess.run(
        command, env=place.env, cwd=ROOT, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=180,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """The run of one process."""
    place = Place(tmp_path_factory.mktemp("alone"))
    place.run("train.py", *COMMON, "trainer=cpu", "batch.size=32")
    return place.runs()[0]


def same(shared: Path, alone: Path):
    assert losses(shared) == pytest.approx(losses(alone), rel=1e-5)
    assert ranked(shared) == pytest.approx(ranked(alone), abs=1e-6)
    assert metrics(shared)["popularity/ndcg@10"] == metrics(alone)["popularity/ndcg@10"]
    assert metrics(shared)["parameters"] == metrics(alone)["parameters"]
    assert len(pl.read_parquet(shared / "ranks.parquet")) == 200


@pytest.mark.slow
def test_two_processes_train_as_one_and_are_measured_the_same(tmp_path, alone):
    """Lightning starts the second one."""
    place = Place(tmp_path)
    place.run_apart("train.py", *TWO)
    [run] = place.runs()
    same(run, alone)
    assert len(list(run.parent.iterdir())) == 1
    said = place.run("scripts/evaluate.py", f"run={run}", "accelerator=cpu")
    assert "equal to metrics.json" in said


@pytest.mark.slow
def test_two_processes_average_weights_as_one(tmp_path):
    one, two = Place(tmp_path / "one"), Place(tmp_path / "two")
    one.run("train.py", *COMMON, "trainer=cpu", "batch.size=32", "trainer.ema=0.9")
    as_torchrun(two, *TWO, "trainer.ema=0.9")
    same(two.runs()[0], one.runs()[0])


@pytest.mark.slow
def test_torchrun_starts_two_processes_for_one_folder(tmp_path, alone):
    place = Place(tmp_path)
    torchrun(place, *TWO)
    [run] = place.runs()
    same(run, alone)
    assert [path.name for path in run.parent.iterdir()] == [run.name]


@pytest.mark.slow
def test_processes_of_torchrun_sweep_with_all_of_them_at_every_job(tmp_path):
    place = Place(tmp_path)
    as_torchrun(place, "-m", *TWO, "trainer.max_epochs=1", "seed=1,2")
    assert len(place.runs()) == 2
    assert len({run.parent for run in place.runs()}) == 1
    assert len(list(place.outputs.glob("synthetic/*/*"))) == 1


@pytest.mark.slow
def test_a_sweep_whose_jobs_would_start_processes_says_what_to_type(tmp_path):
    said = Place(tmp_path).run("train.py", "-m", *TWO, "seed=1,2", status=1)
    assert "torchrun --standalone --nproc_per_node 2 train.py -m" in said


@pytest.mark.slow
def test_more_processes_than_test_users_are_refused_before_training(tmp_path):
    few = ("data.n_users=1", "evaluation.ks=[5]", "evaluation.monitor=ndcg@5")
    said = Place(tmp_path).run_apart("train.py", *TWO, *few, status=2)
    assert "2 processes can't share 1 validation events" in said
    assert "epoch    1" not in said


@pytest.mark.slow
def test_a_sharded_model_trains_clips_and_resumes_as_a_whole_one(tmp_path, alone):
    place = Place(tmp_path)
    place.env["PYTHONPATH"] = os.pathsep.join([str(ROOT / "tests"), str(ROOT)])
    on_cpu = "trainer.strategy={_target_:helpers.sharded_on_cpu.ShardedOnCPU}"
    as_torchrun(place, *TWO, on_cpu)
    [run] = place.runs()
    same(run, alone)
    more = (f"resume={run}", "trainer.max_epochs=3", "trainer.patience=10")
    said = as_torchrun(place, *TWO, on_cpu, *more)
    assert re.search("epoch +3 ", said) and not re.search("epoch +2 ", said)
    ours = f"searchpath=[{ROOT / 'tests'}]"
    assert "equal to metrics.json" in place.run("scripts/evaluate.py", f"run={run}", ours)


@pytest.mark.slow
def test_what_learns_beside_a_sharded_model_trains_and_resumes(tmp_path):
    """An objective and a sampler with weights of their own."""
    place = Place(tmp_path)
    place.env["PYTHONPATH"] = os.pathsep.join([str(ROOT / "tests"), str(ROOT)])
    on_cpu = "trainer.strategy={_target_:helpers.sharded_on_cpu.ShardedOnCPU}"
    given = ("objective=sqn", "objective.by=novelty", "loss=bpr", "negatives=adversarial", on_cpu)
    as_torchrun(place, *TWO, *given)
    [run] = place.runs()
    more = (f"resume={run}", "trainer.max_epochs=3", "trainer.patience=10")
    said = as_torchrun(place, *TWO, *given, *more)
    assert re.search("epoch +3 ", said) and not re.search("epoch +2 ", said)
    ours = f"searchpath=[{ROOT / 'tests'}]"
    assert "equal to metrics.json" in place.run("scripts/evaluate.py", f"run={run}", ours)


@pytest.mark.slow
def test_a_split_item_table_is_trained_judged_and_opened_as_a_whole_one(tmp_path, alone):
    """Two processes train it, one goes on."""
    place, split = Place(tmp_path), "trainer=sharded_table"
    as_torchrun(place, *TWO, split)
    [run] = place.runs()
    same(run, alone)
    assert "equal to metrics.json" in place.run("scripts/evaluate.py", f"run={run}")
    more = ("trainer.devices=1", "batch.size=32", "trainer.max_epochs=3", f"resume={run}")
    said = place.run("train.py", *TWO, split, *more)
    assert re.search("epoch +3 ", said) and not re.search("epoch +2 ", said)
    said = place.run("train.py", *TWO, split, "trainer.devices=1", f"resume={run}", status=2)
    assert "batch.size: 32 in the run, 16 now" in said


@pytest.mark.slow
def test_sharding_over_cpus_is_refused(tmp_path):
    said = Place(tmp_path).run("train.py", *TWO, "trainer=fsdp", "trainer.devices=1", status=2)
    assert "FSDP needs CUDA GPUs" in said
