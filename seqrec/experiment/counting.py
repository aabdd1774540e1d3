"""Baselines as experiments: counted once, then judged like any trained model."""

import time

import pytorch_lightning as lightning

from seqrec.baseline.training import Training
from seqrec.experiment.evaluated import Evaluated
from seqrec.experiment.folder import RunFolder, plain
from seqrec.model import CountedModel


class Counting(Evaluated):
    """A baseline over a split. See :class:`~seqrec.experiment.evaluated.Evaluated`."""

    model: CountedModel
    fit_seconds = 0.0

    def count(self, trainer: lightning.Trainer) -> None:
        """Learn from the training events; validation may choose between variants."""
        began = time.perf_counter()

        def judge() -> float:
            trainer.validate(self, verbose=False)
            return self.results[self.monitor]

        self.model.baseline.count(Training.of(self.store, self.splits.train), judge)
        self.fit_seconds = time.perf_counter() - began

    def save(self, folder: RunFolder) -> None:
        """Write the counts as the run's best checkpoint."""
        folder.write_checkpoint(
            {
                "state_dict": {name: value.cpu() for name, value in self.state_dict().items()},
                "seqrec": {
                    "config": plain(self.config),
                    "facts": self.facts.plain(),
                    "fit_seconds": self.fit_seconds,
                },
            }
        )
