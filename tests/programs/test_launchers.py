"""Sweeps whose jobs run beside each other, here or elsewhere."""

import os

import pytest
from helpers import CONFIGS
from helpers.commands import composed, told
from helpers.place import SMALL, Place, metrics
from hydra import compose, initialize_config_dir

from seqrec.config.cli import launcher
from seqrec.config.cli.command_line import check_command_line

SWEEP = ("-m", *SMALL, "trainer=cpu", "trainer.max_epochs=1", "logger=none", "seed=1,2")


def launcher_of(*overrides: str):
    """The launcher's part of the configuration."""
    with initialize_config_dir(version_base="1.3", config_dir=str(CONFIGS)):
        return compose("train", overrides=list(overrides), return_hydra_config=True).hydra.launcher


def test_a_launcher_wants_a_sweep_and_its_package(monkeypatch):
    pytest.importorskip("hydra_plugins.hydra_joblib_launcher")
    given = ["-m", "hydra/launcher=parallel", "seed=1,2"]
    assert check_command_line(given, config_dir=CONFIGS) == given
    assert "which needs -m" in told("hydra/launcher=parallel")
    monkeypatch.setattr(launcher, "is_installed", lambda extra: False)
    launchers = {"parallel": "joblib", "joblib": "joblib", "slurm": "submitit"}
    launchers |= {"ray": "ray", "ray_cluster": "ray"}
    for name, extra in launchers.items():
        assert f"-e '.[{extra}]'" in told("-m", f"hydra/launcher={name}", "seed=1,2")


def test_every_launcher_with_a_file_names_its_extra():
    files = sorted((CONFIGS / "hydra" / "launcher").glob("*.yaml"))
    assert files and all(file.stem in launcher.EXTRAS for file in files)


def test_parallel_composes():
    pytest.importorskip("hydra_plugins.hydra_joblib_launcher")
    chosen = launcher_of("hydra/launcher=parallel", "hydra.launcher.n_jobs=3")
    assert chosen._target_.endswith("JoblibLauncher") and chosen.n_jobs == 3
    assert composed("hydra/launcher=parallel")[0].dim == composed()[0].dim


def test_slurm_composes():
    pytest.importorskip("hydra_plugins.hydra_submitit_launcher")
    chosen = launcher_of("hydra/launcher=slurm", "hydra.launcher.partition=gpu")
    assert chosen._target_.endswith("SlurmLauncher")
    assert (chosen.partition, chosen.gpus_per_node, chosen.timeout_min) == ("gpu", 1, 240)


def test_ray_composes_without_being_installed():
    chosen = launcher_of("hydra/launcher=ray_cluster", "hydra.launcher.ray.init.address=auto")
    assert chosen._target_.endswith("RayLauncher") and chosen.ray.init.address == "auto"
    assert chosen.ray.remote == {"num_cpus": 1, "num_gpus": 0}


@pytest.mark.slow
def test_jobs_beside_each_other_share_the_cores_and_close_with_one_table(tmp_path):
    joblib = pytest.importorskip("joblib")
    pytest.importorskip("hydra_plugins.hydra_joblib_launcher")
    place = Place(tmp_path)
    del place.env["OMP_NUM_THREADS"]
    parallel = ("encoder=transformer", "encoder.heads=3,2", "hydra/launcher=parallel")
    said = place.run_apart("train.py", *SWEEP, *parallel, status=1)
    lines = [line for line in said.splitlines() if line.startswith("job ")]
    assert sorted(line.split()[1] for line in lines) == ["0", "1", "2", "3"]
    assert sum("encoder.heads=3 must divide dim=16" in line for line in lines) == 2
    assert sum("valid/ndcg@10 0." in line for line in lines) == 2
    assert "epoch " not in said  # jobs talk into files of their own
    assert len(place.runs()) == 2
    threads = max(1, joblib.cpu_count() // 2)
    for run in place.runs():
        output = (run / "output.txt").read_text()
        assert "epoch    1" in output and f"threads: {threads}," in output
        assert metrics(run)["epochs"] == 1
    table = said[said.rindex("\nsweep ") :]
    [row] = [line for line in table.splitlines() if "│ encoder.heads=2" in line]
    assert " 2 " in row and "±" in row and table.count("\nfailed ") == 2
    # the jobs of one process start no others
    again = place.run_apart("train.py", *SWEEP, *parallel, "hydra.launcher.n_jobs=1", status=1)
    assert again.count("trained before\n") == 2 and row in again
    assert len(place.runs()) == 2


@pytest.mark.slow
def test_jobs_are_tasks_of_ray(tmp_path):
    pytest.importorskip("hydra_plugins.hydra_ray_launcher")
    pytest.importorskip("ray")
    place = Place(tmp_path)
    heads = ("encoder=transformer", "encoder.heads=3,2", "hydra/launcher=ray_cluster")
    said = place.run_apart("train.py", *SWEEP, *heads, status=1)
    assert len(place.runs()) == 2 and said.count("encoder.heads=3 must divide dim=16") >= 2
    again = place.run_apart("train.py", *SWEEP, *heads, status=1)
    assert again.count("trained before") >= 2 and len(place.runs()) == 2


@pytest.mark.slow
def test_jobs_go_through_submitit_on_this_machine(tmp_path):
    pytest.importorskip("hydra_plugins.hydra_submitit_launcher")
    place = Place(tmp_path)
    place.env["PYTHONPATH"] = os.environ.get("PYTHONPATH", "")
    said = place.run_apart("train.py", *SWEEP[:-1], "seed=1", "hydra/launcher=submitit_local")
    [run] = place.runs()
    assert f"{metrics(run)['test/ndcg@10']:.4f}" in said[said.rindex("\nsweep ") :]
