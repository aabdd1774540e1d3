"""One trial of a study: train and validate a model, without using the test events."""

import math
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from omegaconf import DictConfig
from pytorch_lightning.callbacks import Callback

from seqrec.config.compose import to_values
from seqrec.config.typed import typed
from seqrec.errors import ConfigError
from seqrec.experiment.assemble import build_experiment
from seqrec.experiment.run import choose_hardware_for, prepare_data
from seqrec.machine.determinism import choose_algorithms, seed_all
from seqrec.run.folder import RunFolder
from seqrec.shapes import count_parameters
from seqrec.terminal.console import silent
from seqrec.training.module import TrainedModule
from seqrec.training.trainer import build_trainer, silence

Report = Callable[[int, float], None]


@dataclass(frozen=True)
class Outcome:
    """The outcome of a trial."""

    value: float  # the best value of the monitored validation metric
    epoch: int  # the epoch that reached it, from 1
    epochs: int
    fit_seconds: float
    parameters: int


class TrialCallback(Callback):
    """A callback that keeps the best validation, and reports each, which may end the trial.

    Args:
        report: takes epoch and value; an exception that it raises ends the training.
    """

    def __init__(self, report: Report) -> None:
        self.report = report
        self.best, self.epoch = math.nan, 0

    def on_validation_end(self, trainer: Any, module: Any) -> None:
        """Report the monitored metric of this validation."""
        value, epoch = module.monitored, trainer.current_epoch + 1
        sign = -1 if module.mode == "min" else 1
        if not sign * value <= sign * self.best and not math.isnan(value):
            self.best, self.epoch = value, epoch
        self.report(epoch, value)


def run_trial(config: DictConfig, folder: Path, report: Report) -> Outcome:
    """Train and validate as ``train.py`` does, without a test and without a logger.

    Args:
        config: the composed configuration.
        folder: for ``config.yaml``, ``history.jsonl`` and, during training, checkpoints.
        report: see :class:`TrialCallback`.

    Raises:
        ConfigError: the model isn't trained.
        SeqrecError: a run would be refused.
    """
    root = typed(config)
    silence()
    seed_all(root.seed)
    choose_algorithms(deterministic=root.trainer.deterministic)
    hardware = choose_hardware_for(root)
    module = build_experiment(root, prepare_data(root))
    if not isinstance(module, TrainedModule):
        raise ConfigError("this model isn't trained, so there is nothing to tune", where="model")
    module.inherit()
    run, watch = RunFolder(folder), TrialCallback(report)
    run.write_config(to_values(config))
    trainer = build_trainer(
        root,
        run,
        hardware,
        monitor=module.monitor,
        mode=module.mode,
        logger=None,
        out=silent(),
        first=[watch],
    )
    try:
        trainer.fit(module)
        if trainer.interrupted:
            raise KeyboardInterrupt
    finally:
        shutil.rmtree(run.checkpoints, ignore_errors=True)
    return Outcome(
        watch.best, watch.epoch, trainer.current_epoch, module.fit_seconds, count_parameters(module)
    )
