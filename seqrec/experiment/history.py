"""The learning curve of a run, kept in its folder whatever the logger."""

import json
import time
from pathlib import Path
from typing import Any

import pytorch_lightning as lightning
from pytorch_lightning.callbacks import Callback

from seqrec.experiment.module import Experiment
from seqrec.config.process import is_first_process


class History(Callback):
    """Append a line to ``history.jsonl`` after every epoch.

    A line holds ``epoch`` (from 1), ``seconds`` (of the epoch, with its validation),
    ``train/loss`` and, where the epoch was validated, ``valid/loss`` and every validation metric.
    A resumed run first drops the epochs that it will train again.

    Args:
        file: where.
    """

    def __init__(self, file: Path) -> None:
        self.file = file

    def on_train_start(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        """Keep the epochs that the checkpoint knows."""
        if is_first_process():
            kept = [row for row in read_history(self.file) if row["epoch"] <= trainer.current_epoch]
            part = self.file.with_suffix(".part")
            part.write_text("".join(json.dumps(row) + "\n" for row in kept))
            part.replace(self.file)

    def on_train_epoch_start(
        self, trainer: lightning.Trainer, module: lightning.LightningModule
    ) -> None:
        """Start the clock."""
        self.clock = time.perf_counter()

    def on_train_epoch_end(
        self, trainer: lightning.Trainer, module: lightning.LightningModule
    ) -> None:
        """Append the line."""
        assert isinstance(module, Experiment)
        row: dict[str, Any] = {
            "epoch": trainer.current_epoch + 1,
            "seconds": round(time.perf_counter() - self.clock, 3),
            "train/loss": float(module.train_loss.compute()),
        }
        if module.validated == trainer.current_epoch:
            row["valid/loss"] = float(trainer.callback_metrics["valid/loss"])
            row |= module.results
        if is_first_process():
            with self.file.open("a") as file:
                file.write(json.dumps(row) + "\n")


def read_history(file: Path) -> list[dict[str, Any]]:
    """The epochs in order; none of a run that keeps no history.

    A line that isn't whole, which a killed process may leave, ends the history.
    """
    rows: list[dict[str, Any]] = []
    for line in file.read_text().splitlines() if file.is_file() else []:
        try:
            row = json.loads(line)
        except ValueError:
            break
        if not isinstance(row, dict) or not isinstance(row.get("epoch"), int):
            break
        rows.append(row)
    return rows
