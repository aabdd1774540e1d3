"""A training whose numbers are no longer finite stops at once, and saves nothing of it."""

import pytest
import torch
from helpers.experiments import root, store_of
from omegaconf import OmegaConf

from seqrec.config.typed import plain_values
from seqrec.errors import RunError
from seqrec.experiment.assemble import build_experiment
from seqrec.machine.hardware import find_hardware
from seqrec.run.folder import RunFolder
from seqrec.terminal.console import console
from seqrec.training.trainer import build_trainer
from seqrec.tune.trial import run_trial

SMALL = ("data.n_users=60", "data.n_items=40", "data.length=14", "batch.size=16")
OPTIONS = ("trainer.max_epochs=3", "trainer.precision=fp32")


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return store_of(root(*SMALL), tmp_path_factory.mktemp("store"))


def trained(store, folder, spoil):
    """Train with `spoil(loss, weight)` as the loss of the last batch of the second epoch."""
    config = root(*SMALL, *OPTIONS)
    module = build_experiment(config, store)
    learn, steps = module.learn, 2 * len(module.epoch_batches(0))

    def spoilt(batch):
        loss, *rest = learn(batch)
        last = module.global_step == steps - 1
        return spoil(loss, module.model.embedding.weight_VD) if last else loss, *rest

    module.learn = spoilt
    trainer = build_trainer(
        config, RunFolder(folder), find_hardware("cpu", "fp32"),
        monitor=module.monitor, mode=module.mode, logger=None, out=console(),
    )  # fmt: skip
    trainer.fit(module)


def weights_alone(loss, weight):
    """A finite loss whose gradient isn't."""
    return loss + (weight.sum() - weight.sum().detach()).sqrt()


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda loss, _: loss * float("nan"), "the loss became infinite or NaN"),
        (lambda loss, _: loss + float("inf"), "the loss became infinite or NaN"),
        (weights_alone, "the weights became infinite or NaN"),
    ],
    ids=["nan", "inf", "weights"],
)
def test_a_training_that_is_not_finite_stops_and_keeps_the_last_good_state(
    store, tmp_path, spoil, told
):
    with pytest.raises(RunError, match=told) as stopped:
        trained(store, tmp_path, spoil)
    assert stopped.value.where == "epoch 2, step 4 of 4"
    assert "as of epoch 1" in stopped.value.what and "optimizer.lr" in stopped.value.todo
    for name in ("best", "last"):
        saved = torch.load(tmp_path / "checkpoints" / f"{name}.ckpt", weights_only=True)
        assert saved["epoch"] == 0
        assert all(value.isfinite().all() for value in saved["state_dict"].values())


def test_a_trial_that_is_not_finite_is_no_result(tmp_path):
    values = plain_values(root(*SMALL, *OPTIONS, "optimizer.lr=1e30"))
    values["paths"]["cache_dir"] = str(tmp_path / "stores")
    with pytest.raises(RunError, match="infinite or NaN"):
        run_trial(OmegaConf.create(values), tmp_path / "trial", lambda *_: None)
