"""The learning curve of a run, saved in its folder with any logger."""

import json
from typing import Any

import pytorch_lightning as lightning
from pytorch_lightning.callbacks import Callback

from seqrec.disk.write import telling
from seqrec.evaluation.results import prefixed
from seqrec.machine.process import is_first_process
from seqrec.run.folder import RunFolder
from seqrec.training.module import TrainedModule


class LearningCurve(Callback):
    """Append a line to ``history.jsonl`` after every epoch.

    A line holds ``epoch`` (from 1), ``seconds`` (of the epoch, with validation), ``train/loss``
    and, if the epoch was validated, ``valid/loss`` and every validation metric. A resumed run first
    drops the epochs that it will repeat.

    Args:
        folder: folder of the run.
    """

    def __init__(self, folder: RunFolder) -> None:
        self.folder = folder

    def on_train_start(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        """Keep only the epochs up to the checkpoint."""
        if is_first_process():
            rows = self.folder.history()
            kept = [row for row in rows if row["epoch"] <= trainer.current_epoch]
            lines = "".join(json.dumps(row) + "\n" for row in kept)
            self.folder.write_text("history.jsonl", lines)

    def on_train_epoch_end(
        self, trainer: lightning.Trainer, module: lightning.LightningModule
    ) -> None:
        """Append the line."""
        assert isinstance(module, TrainedModule)
        row: dict[str, Any] = {
            "epoch": trainer.current_epoch + 1,
            "seconds": round(module.epoch_seconds, 3),
            "train/loss": float(module.train_loss.compute()),
        }
        if module.validated == trainer.current_epoch:
            row["valid/loss"] = float(trainer.callback_metrics["valid/loss"])
            row |= prefixed("valid", module.results)
        if is_first_process():
            path = self.folder.path / "history.jsonl"
            with telling(path), path.open("a") as file:
                file.write(json.dumps(row) + "\n")
