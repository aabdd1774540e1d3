"""Checkpoints in the middle of an epoch: a run that goes on from one ends as an unbroken run."""

import errno
import os
import random
import signal
from dataclasses import replace

import numpy as np
import pytest
import torch
from helpers.experiments import batches, root, store_of
from helpers.place import curve, ranked
from omegaconf import OmegaConf

from seqrec.config.check.ranges import out_of_range
from seqrec.config.typed import plain_values
from seqrec.errors import ConfigError, RunError, WriteError
from seqrec.experiment.assemble import build_experiment
from seqrec.experiment.run import run
from seqrec.machine.determinism import random_state, restore_random, seed_all
from seqrec.run import checkpoints
from seqrec.run.checkpoints import find_start
from seqrec.training.midway import Midway
from seqrec.training.module import TrainedModule

SIZE = ("data.n_users=60", "data.n_items=20", "data.length=10", "batch.size=10", "dropout=0.3")
EPOCHS, STEPS = "trainer.max_epochs=2", 6  # steps of an epoch
KINDS = {
    "averaged": ("trainer.ema=0.5", "scheduler=plateau", "scheduler.patience=0",
                 "optimizer.lr=0.05", "objective=worst_group", "trainer.patience=1"),
    "learning": ("objective=sqn", "objective.by=novelty", "loss=bpr", "negatives=adversarial",
                 "scheduler=cosine", "trainer.validate_every=2", "trainer.limit_batches=5",
                 "trainer.same_batches=true"),
}  # fmt: skip


@pytest.fixture
def at_step(monkeypatch):
    """``at_step(8, act)``: something happens in the eighth step that is trained from now on."""

    def arm(which: int, act) -> None:
        step, done = TrainedModule.training_step, []

        def stepped(self, *given):
            done.append(1)
            if len(done) == which:
                act()
            return step(self, *given)

        monkeypatch.setattr(TrainedModule, "training_step", stepped)

    return arm


def terminate():
    os.kill(os.getpid(), signal.SIGTERM)


def trained(folder, *overrides: str) -> dict:
    """Train in `folder`, or go on there; the last checkpoint."""
    noise = {"_target_": "helpers.batches.Noise"}
    config = OmegaConf.create(plain_values(replace(root(*SIZE, EPOCHS, *overrides), augment=noise)))
    config.paths.cache_dir = str(folder.parent / "stores")
    run(config, folder, choices={"model": "a", "data": "b"}, overrides=[])
    return last(folder)


def last(folder) -> dict:
    return torch.load(folder / "checkpoints" / "last.ckpt", weights_only=True)


OTHER = ("fit_seconds", "config", "dirpath")  # time and place
OTHER += ("current_score", "epoch_loop.scheduler_progress")  # Lightning keeps but doesn't use these


def plain(content):
    """What has to be equal."""
    if isinstance(content, dict):
        kept = {k: v for k, v in content.items() if k not in OTHER}
        return {str(k).rpartition("/")[2]: plain(v) for k, v in kept.items()}
    if isinstance(content, list | tuple):
        return [plain(each) for each in content]
    if isinstance(content, torch.Tensor):
        return str(content.dtype), content.tolist()
    return content.rpartition("/")[2] if isinstance(content, str) else content


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory):
    """The last checkpoint of a run that nobody stopped."""
    return plain(trained(tmp_path_factory.mktemp("unbroken") / "a"))


@pytest.mark.slow
@pytest.mark.parametrize("name", KINDS)
def test_a_run_that_was_stopped_twice_within_epochs_ends_as_an_unbroken_one(
    name, tmp_path, at_step
):
    expected = trained(tmp_path / "a", *KINDS[name])
    for step in (2, 7):  # the second step of the first epoch; then one of the next epochs
        at_step(step, terminate)
        with pytest.raises(SystemExit):
            trained(tmp_path / "b", *KINDS[name])
        assert last(tmp_path / "b")["midway"]["sequences"]
    assert plain(trained(tmp_path / "b", *KINDS[name])) == plain(expected)
    assert curve(tmp_path / "b") == curve(tmp_path / "a")
    assert ranked(tmp_path / "b") == ranked(tmp_path / "a")


@pytest.mark.slow
def test_a_checkpoint_of_every_step_changes_nothing_and_the_one_before_is_as_good(
    unbroken, tmp_path, at_step, capsys
):
    at_step(STEPS + 4, terminate)
    with pytest.raises(SystemExit):
        trained(tmp_path / "b", "trainer.checkpoint_minutes=0")
    assert "trainer.checkpoint_minutes=1 takes at most 3%" in capsys.readouterr().out
    assert find_start(tmp_path / "b").position == ", in epoch 2 after 40 sequences"
    file = tmp_path / "b" / "checkpoints" / "last.ckpt"
    file.write_bytes(file.read_bytes()[:-1000])
    start = find_start(tmp_path / "b")
    assert start.notes == ["last.ckpt is damaged"] and start.position.endswith("30 sequences")
    assert plain(trained(tmp_path / "b")) == unbroken


@pytest.mark.slow
def test_a_disk_that_fills_within_an_epoch_leaves_the_checkpoint_before(
    unbroken, tmp_path, monkeypatch
):
    save, done = torch.save, []

    def saved(content, stream):
        done.append(content)
        if len(done) == 4:
            stream.write(b"half")
            raise OSError(errno.ENOSPC, "No space left on device")
        save(content, stream)

    with monkeypatch.context() as patch:
        patch.setattr(checkpoints.torch, "save", saved)
        with pytest.raises(WriteError, match="the disk is full"):
            trained(tmp_path / "b", "trainer.checkpoint_minutes=0")
    assert find_start(tmp_path / "b").position == ", in epoch 1 after 30 sequences"
    assert plain(trained(tmp_path / "b")) == unbroken


@pytest.mark.slow
def test_a_loss_that_is_no_number_is_not_saved(tmp_path, at_step, monkeypatch):
    def spoil():
        learn = TrainedModule.learn

        def spoiled(self, batch):
            loss, targets, terms = learn(self, batch)
            return loss * float("nan"), targets, terms

        monkeypatch.setattr(TrainedModule, "learn", spoiled)

    at_step(4, spoil)
    with pytest.raises(RunError, match="became infinite or NaN"):
        trained(tmp_path / "b", "trainer.checkpoint_minutes=0")
    assert find_start(tmp_path / "b").position == ", in epoch 1 after 30 sequences"


def test_sigterm_waits_for_a_step_alone_and_only_once(tmp_path):
    midway = Midway(tmp_path / "last.ckpt", minutes=None, finite=None, out=None)
    with pytest.raises(KeyboardInterrupt):  # before the first step, or in validation
        midway._terminated(signal.SIGTERM, None)
    midway.agreed = True
    midway.on_train_epoch_start()
    midway._terminated(signal.SIGTERM, None)
    assert midway.ending
    with pytest.raises(KeyboardInterrupt):
        midway._terminated(signal.SIGTERM, None)


def test_a_step_of_other_sequences_is_refused(tmp_path):
    config = root(*SIZE)
    module = build_experiment(config, store_of(config, tmp_path))
    module._trainer = type("Two", (), {"world_size": 2})()
    of_others = {"seqrec": {"fit_seconds": 1.0, "step": 10}}
    with pytest.raises(ConfigError, match=r"has 10 sequences.*it would have 20(.|\n)*=5"):
        module.on_load_checkpoint(of_others)
    module.on_load_checkpoint({"seqrec": {"fit_seconds": 1.0, "step": 20}})
    module.on_load_checkpoint({"seqrec": {"fit_seconds": 1.0}})  # of an earlier version


def test_batches_are_left_out_by_the_sequences_that_were_seen(tmp_path):
    config = root(*SIZE)
    module = build_experiment(config, store_of(config, tmp_path))
    whole = list(batches(module))
    for done in (0, 1, 4):
        part = batches(module)
        part.skip(part.seen(done))
        assert len(part) == len(whole) == STEPS and part.skipped == done
        items = [batch.target_BL.tolist() for batch in part]
        assert items == [batch.target_BL.tolist() for batch in whole[done:]]


def test_random_numbers_go_on_where_they_stood():
    def drawn():
        return random.random(), np.random.rand(), torch.rand(1).item(), random.gauss(0, 1)

    seed_all(3)
    random.gauss(0, 1)  # keeps a second one for later
    state = random_state(torch.device("cpu"))
    expected = drawn()
    restore_random(state, torch.device("cpu"))
    assert drawn() == expected


def test_minutes_below_zero_are_refused():
    config = plain_values(root())
    config["trainer"]["checkpoint_minutes"] = -1
    assert "trainer.checkpoint_minutes=-1: must be at least 0" in list(out_of_range(config))
