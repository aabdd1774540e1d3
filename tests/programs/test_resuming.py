"""Which run a command continues, and that a killed run ends as an unbroken one."""

import json
import signal
import time

import pytest
from helpers import CONFIGS
from helpers.commands import composed, told
from helpers.place import QUICK, Place, curve, ranked
from omegaconf import OmegaConf

from seqrec.config.cli.command_line import check_command_line
from seqrec.config.compose import to_values


@pytest.fixture
def runs(tmp_path):
    """Three runs of one configuration: finished, unfinished, and unfinished but another."""
    config, choices = composed(f"paths.output_dir={tmp_path}")
    folder = tmp_path / choices["data"] / choices["model"]
    for name, changes in (("a", {}), ("b", {}), ("c", {"max_length": 7})):
        (folder / name / "checkpoints").mkdir(parents=True)
        (folder / name / "checkpoints" / "last.ckpt").touch()
        saved = to_values(config) | changes
        (folder / name / "config.yaml").write_text(OmegaConf.to_yaml(OmegaConf.create(saved)))
    (folder / "a" / "metrics.json").write_text(json.dumps({}))
    return folder


def test_resume_auto_finds_the_unfinished_run_of_this_configuration(runs, tmp_path):
    given = [f"paths.output_dir={tmp_path}", "resume=auto", "tags=[again]"]
    arguments = check_command_line(given, config_dir=CONFIGS)
    assert arguments == [
        given[0],
        given[2],
        f"resume='{runs / 'b'}'",
        f"hydra.run.dir='{runs / 'b'}'",
    ]
    assert check_command_line([*given, "trainer.max_epochs=200"], config_dir=CONFIGS)[-1].endswith(
        "/b'"
    )


def test_resume_auto_starts_anew_where_nothing_fits(runs, tmp_path, capsys):
    given = [f"paths.output_dir={tmp_path}", "dim=8"]
    assert check_command_line([*given, "resume=auto"], config_dir=CONFIGS) == given
    assert "no unfinished run of this configuration" in capsys.readouterr().err


def test_resume_refuses_another_configuration_and_says_which_keys(runs):
    text = told(f"resume={runs / 'c'}", "trainer.max_epochs=50")
    assert "max_length: 7 in the run, 200 now" in text
    assert "trainer.max_epochs: 100 in the run, 50 now" in text
    assert "resume=" in text.splitlines()[-1]


def test_resume_takes_other_speed_and_places(runs):
    given = ["batch.eval_size=7", "loss.memory_mb=8", "logger=csv", "paths.cache_dir=elsewhere"]
    arguments = check_command_line([*given, f"resume={runs / 'b'}"], config_dir=CONFIGS)
    assert arguments[-1] == f"hydra.run.dir='{runs / 'b'}'"


def test_resume_refuses_what_is_no_run_and_sweeps(tmp_path):
    assert "isn't the folder of a run" in told(f"resume={tmp_path}")
    text = told("-m", "seed=1,2", "resume=auto")
    assert "resume isn't needed in a sweep" in text and "the same command skips" in text


def test_rerun_is_for_sweeps():
    assert "rerun=true: only sweeps" in told("rerun=true")
    sweep = ["-m", "rerun=true", "seed=1,2"]
    assert check_command_line(sweep, config_dir=CONFIGS) == sweep


@pytest.mark.slow
def test_a_killed_run_goes_on_to_the_same_result(tmp_path):
    """kill -9 in the middle of an epoch, then the same command with resume=auto."""
    unbroken, killed = Place(tmp_path / "unbroken"), Place(tmp_path / "killed")
    command = (*QUICK, "model=gru_attn", "dropout=0.3", "trainer.max_epochs=8", "seed=7")
    command += ("trainer.ema=0.9",)
    loss = ("loss=sampled_softmax", "negatives.num=16", "logger=csv")  # draws random numbers too
    loss += ("scheduler=plateau", "scheduler.patience=0", "optimizer.lr=0.05")  # best comes early
    unbroken.run("train.py", *command, *loss)
    process = killed.start("train.py", *command, *loss)
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
