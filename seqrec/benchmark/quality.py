"""Time that a run takes to reach a given validation metric."""

import tempfile
import time
from pathlib import Path
from typing import Any

import torch
from pytorch_lightning.callbacks import Callback

from seqrec.benchmark.setup import assembled, composed
from seqrec.machine.hardware import find_hardware
from seqrec.machine.process import peak_mb
from seqrec.run.folder import RunFolder
from seqrec.terminal.console import console
from seqrec.training.trainer import build_trainer


class Reached(Callback):
    """A callback that ends training when the monitored metric reaches `target`, or time is up.

    Args:
        target: value to reach.
        limit_s: time limit in seconds, checked after each validation.
    """

    def __init__(self, target: float, limit_s: float) -> None:
        self.target, self.limit_s = target, limit_s
        self.best, self.best_s, self.epochs = float("-inf"), 0.0, 0
        self.begun = time.perf_counter()

    def on_validation_end(self, trainer: Any, module: Any) -> None:
        """Keep the best value with its time."""
        seconds, value = time.perf_counter() - self.begun, module.monitored
        self.epochs += 1
        if value > self.best:
            self.best, self.best_s = value, seconds
        if value >= self.target or seconds > self.limit_s:
            trainer.should_stop = True


def measure_quality(overrides: list[str], target: float, limit_s: float) -> dict[str, Any]:
    """Train until validation NDCG@10 reaches `target`; time includes validations and checkpoints.

    Args:
        overrides: overrides of ``train.py``.
        target: NDCG@10 to reach, from 0 to 1.
        limit_s: give up after this many seconds.

    Returns:
        ``reached``; ``seconds`` from the start of training to the end of the validation that
        reached it, or of the best one; ``ndcg@10`` of that validation; ``epochs``; ``peak_mb``;
        ``protocol``.
    """
    fixed = ("logger=none", "trainer.patience=0", "trainer.max_epochs=1000")
    root = composed([*overrides, *fixed, "evaluation.monitor=ndcg@10", "evaluation.ks=[10]"])
    torch.manual_seed(root.seed)
    hardware = find_hardware(root.trainer.accelerator, root.trainer.precision)
    module = assembled(root)
    with tempfile.TemporaryDirectory() as folder:
        watch = Reached(target, limit_s)
        trainer = build_trainer(
            root,
            RunFolder(Path(folder)),
            hardware,
            monitor=module.monitor,
            mode=module.mode,
            logger=None,
            out=console(),
            first=[watch],
        )
        trainer.fit(module)
    return {
        "reached": watch.best >= target,
        "seconds": watch.best_s,
        "ndcg@10": watch.best,
        "epochs": watch.epochs,
        "peak_mb": peak_mb(),
        "protocol": module.task.protocol,
    }
