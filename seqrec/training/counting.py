"""Baselines as experiments: counted once, then evaluated like a trained model."""

import time
from typing import Any

import pytorch_lightning as lightning

from seqrec.counts.training import Training
from seqrec.model import BaselineModel
from seqrec.run.checkpoints import write_checkpoint
from seqrec.run.folder import RunFolder
from seqrec.terminal.console import Console, print_line
from seqrec.training.evaluated import EvaluatedModule


class BaselineModule(EvaluatedModule):
    """A baseline on a split; see :class:`~seqrec.training.evaluated.EvaluatedModule`."""

    model: BaselineModel
    fit_seconds = 0.0

    def fit(self, trainer: lightning.Trainer, folder: RunFolder, out: Console) -> dict[str, Any]:
        """Count, and save the counts as the run's best checkpoint; return the time it took."""
        self.count(trainer, out)
        self.save(folder)
        return {"fit_seconds": round(self.fit_seconds, 3)}

    def count(self, trainer: lightning.Trainer, out: Console) -> None:
        """Learn from the training events; print a line per option that validation compares."""
        began = time.perf_counter()
        best = float("-inf")

        def judge(option: str) -> float:
            nonlocal best
            trainer.validate(self, verbose=False)
            value = self.monitored
            print_line(
                out, "option", f"{option:<16} {self.monitor} {value:.4f}{' *' * (value > best)}"
            )
            best = max(best, value)
            return value

        self.model.baseline.count(Training.of(self.store, self.splits.train), judge)
        self.fit_seconds = time.perf_counter() - began

    def save(self, folder: RunFolder) -> None:
        """Write the counts as the run's best checkpoint."""
        write_checkpoint(
            {
                "state_dict": {name: value.cpu() for name, value in self.state_dict().items()},
                "seqrec": self.description | {"fit_seconds": self.fit_seconds},
            },
            folder.best,
        )
