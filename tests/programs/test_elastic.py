"""A run that goes on in the middle of an epoch, on another number of processes."""

import os
import signal

import pytest
from helpers import ROOT
from helpers.place import SMALL, Place, curve, ranked
from helpers.torchrun import as_torchrun

from seqrec.config.cli.resume import changed_settings
from seqrec.training.module import TrainedModule

RUN = (*SMALL, "logger=none", "dropout=0", "trainer.max_epochs=3", "trainer.accelerator=cpu")
RUN += ("trainer.precision=fp32", "trainer.checkpoint_minutes=60", "trainer.patience=0")
RUN += ("augment._target_=helpers.stopping.Stopping",)
ONE = (*RUN, "trainer=cpu", "batch.size=16")  # 13 steps of an epoch
TWO = (*RUN, "trainer=ddp", "trainer.devices=2", "batch.size=8")


@pytest.fixture
def place(tmp_path):
    place = Place(tmp_path / "changing")
    place.env["PYTHONPATH"] = os.pathsep.join([str(ROOT / "tests"), str(ROOT)])
    return place


@pytest.mark.slow
def test_a_run_goes_on_with_the_same_batches_on_fewer_and_on_more_processes(
    place, tmp_path, monkeypatch
):
    """Two processes for four steps, one for thirteen, and two again."""
    said = as_torchrun(place, *TWO, status=143, of={1: {"STOP_AT": "4"}})
    assert "stopped; continue with" in said and "Traceback" not in said
    with monkeypatch.context() as patch:
        step, done = TrainedModule.training_step, []

        def stepped(self, *given):
            done.append(1)
            if len(done) == 13:
                os.kill(os.getpid(), signal.SIGTERM)
            return step(self, *given)

        patch.setattr(TrainedModule, "training_step", stepped)
        said = place.run("train.py", *ONE, "resume=auto", status=143)
    assert "in epoch 1 after " in said and "epoch    1 " in said
    said = as_torchrun(place, *TWO, "resume=auto")
    assert "in epoch 2 after " in said
    assert "epoch    1 " not in said and "epoch    3 " in said
    unbroken = Place(tmp_path / "unbroken")
    unbroken.run("train.py", *ONE)
    [run], [alone] = place.runs(), unbroken.runs()
    for epoch, expected in zip(curve(run), curve(alone), strict=True):
        assert epoch == pytest.approx(expected, rel=1e-4, abs=1e-5)
    assert ranked(run) == pytest.approx(ranked(alone), abs=1e-5)


def settings(*, size=64, devices=1, nodes=1, strategy="auto", **others) -> dict:
    trainer = {"devices": devices, "num_nodes": nodes, "strategy": strategy, "max_epochs": 3}
    return {"batch": {"size": size}, "trainer": trainer | others}


SAVED = settings(size=64, devices=2, strategy="ddp")


@pytest.mark.parametrize(
    "now",
    [
        settings(size=128),
        settings(size=32, devices="4", strategy="ddp"),
        settings(size=16, devices=4, nodes=2, strategy="ddp"),
        settings(size=64, devices="auto", strategy="ddp"),
    ],
)
def test_processes_may_change_if_a_step_keeps_its_sequences(now):
    assert not changed_settings(SAVED, now) and not changed_settings(SAVED, now, surely=True)


@pytest.mark.parametrize(
    ("now", "keys"),
    [
        (settings(size=64), {"trainer.devices", "trainer.strategy"}),
        (settings(size=128, devices=2, strategy="ddp"), {"batch.size"}),
        (settings(size=128, devices=1, strategy={"_target_": "x"}),
         {"batch.size", "trainer.devices", "trainer.strategy", "trainer.strategy._target_"}),
        (settings(size=128, precision="bf16"), {"trainer.precision"}),
    ],
)  # fmt: skip
def test_everything_else_has_to_stay(now, keys):
    assert set(changed_settings(SAVED, now)) == keys


def test_a_step_that_nobody_knows_yet_is_left_to_training_unless_a_run_is_looked_for():
    now = settings(size=32, devices="auto", strategy="ddp")
    assert not changed_settings(SAVED, now)
    assert set(changed_settings(SAVED, now, surely=True)) == {"batch.size"}
