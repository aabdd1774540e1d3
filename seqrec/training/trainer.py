"""Lightning's trainer, configured for this project's runs."""

import logging
import warnings
from collections.abc import Iterable
from typing import Any, Literal

import pytorch_lightning as lightning
from pytorch_lightning.callbacks import Callback, EarlyStopping, ModelCheckpoint
from pytorch_lightning.utilities.exceptions import MisconfigurationException

from seqrec.config.make import make
from seqrec.config.schema import Root, Trainer
from seqrec.errors import ConfigError
from seqrec.machine.hardware import Hardware
from seqrec.run.folder import RunFolder
from seqrec.terminal.console import Console
from seqrec.training.averaging import MovingAverage
from seqrec.training.checkpoints import Checkpoints
from seqrec.training.curve import LearningCurve
from seqrec.training.finite import FiniteLoss
from seqrec.training.midway import Midway
from seqrec.training.plan import Plan
from seqrec.training.profiling import build_profiler
from seqrec.training.progress import Correction, EpochLines, ProgressBar

NOT_ACTIONABLE = (  # warnings that users can't act on
    ".*does not have many workers.*",  # batches are gathered without workers
    ".*GPU available but not used.*",  # the user chose the device
    ".*exists and is not empty.*",  # a resumed run continues in its folder
    ".*recommended to use `self.log.*sync_dist.*",  # the metrics are exact on every process
    ".*smaller than the logging interval.*",
    ".*ReduceLROnPlateau conditioned on metric.*",  # it is stepped at validation alone
    ".*your dataloader is not resumable.*",  # Midway lets it skip what was seen
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
    plan: Plan | None = None,
    first: Iterable[Callback] = (),
) -> lightning.Trainer:
    """Return a trainer that saves the best epoch and where it stands, and stops early.

    Args:
        root: the configuration.
        folder: where checkpoints go.
        hardware: device and precision.
        monitor: the metric that decides which epoch is best.
        mode: whether a small or large value is better.
        logger: Lightning's logger, or None.
        out: console that epochs are reported on.
        plan: what the run was expected to take, to be corrected by its first epoch.
        first: callbacks that run before the standard ones.

    Raises:
        ConfigError: Lightning rejects the settings on this machine.
    """
    settings, strategy = root.trainer, root.trainer.strategy
    finite = FiniteLoss()
    callbacks: list[Callback] = [
        finite,  # before any that saves
        *first,
        ProgressBar(out, shown=settings.progress),
        EpochLines(out),
        LearningCurve(folder),
    ]
    if plan is not None:
        callbacks.append(Correction(plan, hardware, out))
    if settings.ema:
        callbacks.insert(0, MovingAverage(settings.ema))
    elif root.update is not None and root.update["keep"]:
        callbacks.insert(0, MovingAverage(keep=root.update["keep"]))
    if settings.patience:
        callbacks.append(EarlyStopping(monitor=monitor, mode=mode, patience=settings.patience))
    where: dict[str, Any] = {"dirpath": folder.checkpoints, "enable_version_counter": False}
    callbacks.append(ModelCheckpoint(filename="best", monitor=monitor, mode=mode, **where))
    # last, as these save the state of the others
    minutes = settings.checkpoint_minutes
    callbacks.append(Midway(folder.last, minutes=minutes, finite=finite, out=out))
    callbacks.append(ModelCheckpoint(filename="last", save_on_train_epoch_end=True, **where))
    return lightning_trainer(
        settings,
        plugins=[Checkpoints()],
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


def evaluating_trainer(settings: Trainer, out: Console) -> lightning.Trainer:
    """Return a trainer for evaluation: each process has the whole model and writes no files."""
    return lightning_trainer(
        settings,
        logger=False,
        callbacks=[ProgressBar(out, shown=settings.progress)],
        enable_checkpointing=False,
    )


def lightning_trainer(settings: Trainer, **options: Any) -> lightning.Trainer:
    """Return Lightning's trainer on the devices of `settings`, by default with a model on each.

    Raises:
        ConfigError: Lightning rejects the settings on this machine.
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
    except (ValueError, TypeError, ImportError, MisconfigurationException) as error:
        raise ConfigError(
            str(error), where="trainer", todo="use trainer=auto, which works on any machine"
        ) from error


def silence() -> None:
    """Silence log messages and warnings that users can't act on."""
    for source in (
        "pytorch_lightning",
        "lightning_fabric",
        "lightning.pytorch",
        "lightning.fabric",
    ):
        logging.getLogger(source).setLevel(logging.ERROR)
    for message in NOT_ACTIONABLE:
        warnings.filterwarnings("ignore", message=message)
