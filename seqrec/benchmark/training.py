"""Timing of training and ranking, with the same parts as a run."""

import statistics
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import torch
from pytorch_lightning.callbacks import Callback

from seqrec.benchmark.meter import EpochClock, fastest
from seqrec.benchmark.setup import LIST, assembled, composed
from seqrec.generator import Asker
from seqrec.generator.topk import TopK
from seqrec.machine.hardware import Hardware, find_hardware
from seqrec.machine.process import peak_mb
from seqrec.recommend.lists import top_lists
from seqrec.run.folder import RunFolder
from seqrec.terminal.console import console
from seqrec.training.module import TrainedModule
from seqrec.training.trainer import build_trainer


class Clock(EpochClock, Callback):
    """The clock as a callback, which can end training after some steps."""

    def __init__(self, steps: int | None = None) -> None:
        super().__init__()
        self.steps = steps

    def on_train_batch_end(self, trainer: Any, *ignored: Any) -> None:
        """Stop after the last step."""
        if self.steps is not None and trainer.global_step >= self.steps:
            trainer.should_stop = True


def measure(
    overrides: list[str], epochs: int = 3, steps: int | None = None, recommend: bool = False
) -> dict[str, Any]:
    """Train for some epochs without validation, then recommend to all users.

    The configuration, the data, the module and the trainer are those of ``train.py``.

    Args:
        overrides: overrides of ``train.py``.
        epochs: measured epochs, after one that warms up; 0: don't train.
        steps: end training after this many steps of the first epoch.
        recommend: also time recommending.

    Returns:
        of training: ``epochs`` (seconds of each measured one), ``epoch_s`` (their median),
        ``targets_per_s``; ``padding``; ``imported_mb`` and ``peak_mb``, memory after all imports
        and at the peak, in MiB. Of recommending, without loading: ``recommend_s``, ``users``,
        ``users_per_s``. ``precision``, ``threads`` and ``device``.
    """
    imported = peak_mb()
    off = (f"trainer.max_epochs={epochs + 1}", f"trainer.validate_every={epochs + 2}")
    root = composed([*overrides, "logger=none", "trainer.patience=0", *off])
    torch.manual_seed(root.seed)
    hardware = find_hardware(root.trainer.accelerator, root.trainer.precision)
    module = assembled(root)
    result: dict[str, Any] = {
        "device": hardware.device,
        "precision": hardware.precision,
        "threads": torch.get_num_threads(),
        "imported_mb": imported,
    }
    if epochs:
        result |= _train(module, hardware, steps)
    if recommend:
        result |= _recommend(module)
    return result


def _train(module: TrainedModule, hardware: Hardware, steps: int | None) -> dict[str, Any]:
    clock = Clock(steps)
    with tempfile.TemporaryDirectory() as folder:
        trainer = build_trainer(
            module.config,
            RunFolder(Path(folder)),
            hardware,
            monitor=module.monitor,
            mode=module.mode,
            logger=None,
            out=console(),
            first=[clock],
        )
        trainer.fit(module)
    result: dict[str, Any] = {"peak_mb": peak_mb(), "steps": trainer.global_step}
    if hardware.kind == "cuda":
        result["gpu_peak_mb"] = torch.cuda.max_memory_allocated() / 2**20
    if steps is None:
        epoch, seconds = module.epoch_batches(0), clock.seconds()[1:]
        median = statistics.median(seconds)
        result |= {"epochs": seconds, "epoch_s": median, "padding": epoch.padding}
        result |= {"targets": epoch.n_targets, "targets_per_s": epoch.n_targets / median}
    else:
        result["step_s"] = clock.seconds()[0] / trainer.global_step
    return result


def _recommend(module: TrainedModule) -> dict[str, Any]:
    """Time the best items for every user's training history, by original ids, without seen ones."""
    hardware = find_hardware(module.config.trainer.accelerator, module.config.trainer.precision)
    module.to(hardware.kind).eval()
    users = len(module.splits.valid)
    seconds = fastest(lambda: pl.concat(_lists(module)))
    return {"recommend_s": seconds, "users": users, "users_per_s": users / seconds}


def _lists(module: TrainedModule) -> Iterator[pl.DataFrame]:
    policy = module.judge.policy.narrowed(mask_seen=True)
    return top_lists(
        Asker(module.model, module.model.catalogue(), policy, module.config.max_length),
        module.eval_batches(module.splits.valid),
        TopK(),
        users=module.store.users()["user"],
        items=module.store.items().select("item"),
        k=LIST,
    )
