"""Lightning's trainer, set up for runs of this project."""

import logging
import warnings
from collections.abc import Iterable
from typing import Any, Literal

import pytorch_lightning as lightning
from pytorch_lightning.callbacks import Callback, EarlyStopping, ModelCheckpoint
from pytorch_lightning.utilities.exceptions import MisconfigurationException
from rich.console import Console

from seqrec.build import make
from seqrec.config.schema import Root, Trainer
from seqrec.errors import ConfigError
from seqrec.machine.hardware import Hardware
from seqrec.run.folder import RunFolder
from seqrec.training.averaging import MovingAverage
from seqrec.training.curve import LearningCurve
from seqrec.training.profiling import build_profiler
from seqrec.training.progress import EpochLines

NOT_ACTIONABLE = (  # warnings that the user of a run can do nothing about
    ".*does not have many workers.*",  # batches are gathers; there are no workers
    ".*GPU available but not used.*",  # the user chose the device
    ".*exists and is not empty.*",  # a resumed run goes on in its folder
    ".*recommended to use `self.log.*sync_dist.*",  # the metrics are exact on every process
    ".*smaller than the logging interval.*",
    ".*`isinstance\\(treespec, LeafSpec\\)`.*",  # inside torch and Lightning
)


def build_trainer(
    root: Root,
    folder: RunFolder,
    hardware: Hardware,
    *,
    monitor: str,
    mode: Literal["min", "max"],
    logger: Any,
    out: Console,
    first: Iterable[Callback] = (),
) -> lightning.Trainer:
    """A trainer that keeps the best and the last epoch, and stops when nothing improves.

    Args:
        root: the configuration.
        folder: where checkpoints go.
        hardware: device and precision.
        monitor: the metric to go by.
        mode: whether it should be small or large.
        logger: Lightning's logger, or None.
        out: where epochs are reported.
        first: callbacks before those of a run.

    Raises:
        ConfigError: Lightning can't have such a trainer here.
    """
    settings, strategy = root.trainer, root.trainer.strategy
    callbacks: list[Callback] = [
        *first,
        EpochLines(out, bar=settings.progress),
        LearningCurve(folder),
    ]
    if settings.ema:
        callbacks.insert(0, MovingAverage(settings.ema))
    if settings.patience:
        callbacks.append(EarlyStopping(monitor=monitor, mode=mode, patience=settings.patience))
    where: dict[str, Any] = {"dirpath": folder.checkpoints, "enable_version_counter": False}
    callbacks.append(ModelCheckpoint(filename="best", monitor=monitor, mode=mode, **where))
    # after the others, whose state it holds
    callbacks.append(ModelCheckpoint(filename="last", save_on_train_epoch_end=True, **where))
    return lightning_trainer(
        settings,
        strategy=make(strategy) if isinstance(strategy, dict) else strategy,
        precision=hardware.lightning_precision,
        max_epochs=settings.max_epochs,
        check_val_every_n_epoch=settings.validate_every,
        gradient_clip_val=settings.gradient_clip,
        limit_train_batches=settings.limit_batches,
        profiler=build_profiler(settings.profiler, folder.path),
        logger=logger or False,
        callbacks=callbacks,
        reload_dataloaders_every_n_epochs=1,  # each epoch has its own shuffle
        num_sanity_val_steps=0,
        default_root_dir=folder.path,
    )


def evaluating_trainer(settings: Trainer, hardware: Hardware) -> lightning.Trainer:
    """A trainer for evaluation: every process has the whole model, and leaves nothing behind."""
    return lightning_trainer(
        settings,
        precision=hardware.lightning_precision,
        logger=False,
        enable_checkpointing=False,
    )


def lightning_trainer(settings: Trainer, **options: Any) -> lightning.Trainer:
    """Lightning's trainer on the devices of the settings; by default a copy of the model on each.

    Raises:
        ConfigError: Lightning can't have such a trainer here.
    """
    try:
        return lightning.Trainer(
            accelerator=settings.accelerator,
            devices=settings.devices,
            num_nodes=settings.num_nodes,
            deterministic=settings.deterministic,
            enable_progress_bar=False,
            enable_model_summary=False,
            use_distributed_sampler=False,
            **options,
        )
    except (ValueError, ImportError, MisconfigurationException) as error:
        raise ConfigError(
            str(error), where="trainer", todo="trainer=auto works anywhere"
        ) from error


def silence() -> None:
    """Silence what the user of a run can't act on."""
    for source in (
        "pytorch_lightning",
        "lightning_fabric",
        "lightning.pytorch",
        "lightning.fabric",
    ):
        logging.getLogger(source).setLevel(logging.ERROR)
    for message in NOT_ACTIONABLE:
        warnings.filterwarnings("ignore", message=message)
