"""Optimizers and schedules of torch, named by ``_target_``, train."""

from typing import Any

import pytest
import torch
from helpers.experiments import root, store_of
from rich.console import Console

from seqrec.config.schema import Root
from seqrec.experiment.assemble import build_experiment
from seqrec.machine.hardware import find_hardware
from seqrec.run.folder import RunFolder
from seqrec.training.trainer import build_trainer

LR, EPOCHS = 0.01, 3
SCHEDULERS = "torch.optim.lr_scheduler"


@pytest.fixture(scope="module")
def base() -> Root:
    return root("data.n_users=50", "batch.size=16", f"trainer.max_epochs={EPOCHS}")


@pytest.fixture(scope="module")
def store(base, tmp_path_factory):
    return store_of(base, tmp_path_factory.mktemp("store"))


def trained(base: Root, store, folder, *, optimizer: dict, scheduler: dict):
    """The optimizer and the schedule after some epochs, and the steps there were."""
    base.optimizer, base.scheduler = optimizer, scheduler
    module = build_experiment(base, store)
    trainer = build_trainer(
        base,
        RunFolder(folder),
        find_hardware("cpu", "fp32"),
        monitor=module.monitor,
        mode=module.mode,
        logger=None,
        out=Console(quiet=True),
    )
    start = module.model.embedding.table().detach().clone()
    trainer.fit(module)
    assert not torch.equal(start, module.model.embedding.table().detach())
    [schedule] = trainer.lr_scheduler_configs or [None]
    return trainer.optimizers[0], schedule, trainer.global_step


def test_an_optimizer_of_torch_trains(base, store, tmp_path):
    optimizer, _, _ = trained(
        base,
        store,
        tmp_path,
        optimizer={"_target_": "torch.optim.RMSprop", "lr": LR},
        scheduler={"_target_": "seqrec.scheduler.none.Constant"},
    )
    assert isinstance(optimizer, torch.optim.RMSprop)
    assert optimizer.param_groups[0]["lr"] == LR


STEP: dict[str, Any] = {"_target_": f"{SCHEDULERS}.StepLR", "step_size": 1, "gamma": 0.5}
SHORT: dict[str, Any] = {"_target_": f"{SCHEDULERS}.ConstantLR", "factor": 0.1, "total_iters": 1}
CHAIN = {"_target_": f"{SCHEDULERS}.SequentialLR", "schedulers": [SHORT, STEP], "milestones": [1]}
PLATEAU = {"_target_": f"{SCHEDULERS}.ReduceLROnPlateau", "mode": "max", "patience": 0}


SGD = {"_target_": "torch.optim.SGD", "lr": LR}


@pytest.mark.parametrize(
    ("scheduler", "rate"),
    [
        (STEP, LR * 0.5**EPOCHS),
        (CHAIN, LR * 0.5 ** (EPOCHS - 1)),
        (PLATEAU | {"threshold": 10.0}, LR * 0.1 ** (EPOCHS - 1)),
    ],
)
def test_a_schedule_of_torch_counts_epochs(base, store, tmp_path, scheduler, rate):
    optimizer, schedule, steps = trained(base, store, tmp_path, optimizer=SGD, scheduler=scheduler)
    assert schedule.interval == "epoch" and steps > EPOCHS
    assert optimizer.param_groups[0]["lr"] == pytest.approx(rate)


def test_a_schedule_that_takes_the_number_of_steps_counts_them(base, store, tmp_path):
    cycle = {"_target_": f"{SCHEDULERS}.OneCycleLR", "max_lr": LR}
    _, schedule, steps = trained(base, store, tmp_path, optimizer=SGD, scheduler=cycle)
    assert schedule.interval == "step" and steps > EPOCHS
    assert schedule.scheduler.last_epoch == schedule.scheduler.total_steps == steps
