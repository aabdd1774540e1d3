"""Ensembles as experiments: weights chosen on validation, then evaluated like a trained model."""

import time
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

import pytorch_lightning as lightning
import torch

from seqrec.ensemble.blend import Blended
from seqrec.ensemble.model import EnsembleModel
from seqrec.ranking.rank import Ranking
from seqrec.recommend.built import keep_members
from seqrec.run.checkpoints import write_checkpoint
from seqrec.run.folder import RunFolder
from seqrec.shapes import EvalBatch
from seqrec.terminal.console import Console, print_line
from seqrec.training.evaluated import EvaluatedModule

Weights = tuple[Fraction, ...]


class EnsembleModule(EvaluatedModule):
    """An ensemble on a split; see :class:`~seqrec.training.evaluated.EvaluatedModule`.

    Args:
        runs: the folders of its runs; None: an ensemble that is only evaluated again.
        given: arguments of an evaluated module.
    """

    model: EnsembleModel
    fit_seconds = 0.0

    def __init__(self, *, runs: Sequence[RunFolder] | None, **given: Any) -> None:
        super().__init__(**given)
        self.runs = runs
        self._asked: dict[int, Blended] | None = None  # while weights are chosen, by first event

    def fit(self, trainer: lightning.Trainer, folder: RunFolder, out: Console) -> dict[str, Any]:
        """Choose the weights, and save all as the run's best checkpoint; return the time it took.

        What the runs are is copied into the folder, so that it needs them no more.
        """
        assert self.runs is not None and self.config.ensemble is not None
        began = time.perf_counter()

        def judge(weights: Weights) -> float:
            self.model.weight_M.copy_(torch.tensor([float(weight) for weight in weights]))
            trainer.validate(self, verbose=False)
            return self.monitored if self.mode == "max" else -self.monitored

        def tell(weights: Weights, value: float) -> None:
            told = " ".join(f"{float(weight):.2f}" for weight in weights)
            print_line(out, "weights", f"{told}  {self.monitor} {abs(value):.4f}")

        count, steps = len(self.runs), self.config.ensemble.steps
        self._asked = {}
        best = chosen(count, steps, judge, tell) if steps else (Fraction(1, count),) * count
        self._asked = None
        self.model.weight_M.copy_(torch.tensor([float(weight) for weight in best]))
        self.fit_seconds = time.perf_counter() - began
        keep_members(self.runs, folder)
        write_checkpoint(
            {
                "state_dict": {name: value.cpu() for name, value in self.state_dict().items()},
                "seqrec": self.description | {"fit_seconds": self.fit_seconds},
            },
            folder.best,
        )
        return {"fit_seconds": round(self.fit_seconds, 3)}

    def _rank(self, batch: EvalBatch) -> tuple[Any, Ranking]:
        """Rank a batch; while weights are chosen, models are asked about each batch once."""
        if self._asked is None:
            return super()._rank(batch)
        candidate_V, first = self.judge.policy.candidate_V, int(batch.event_B[0])
        if first not in self._asked:
            self._asked[first] = self.model.asked(batch.history, candidate_V)
        query = self.model.weighted(self._asked[first])
        return query, self.judge.count(query, batch, self.model.catalogue(), self.loss)


def chosen(
    count: int,
    steps: int,
    judge: Callable[[Weights], float],
    tell: Callable[[Weights, float], None] = lambda weights, value: None,
) -> Weights:
    """Return the best weights that a greedy search passes, on validation alone.

    Each step adds the model, again if need be, with which the sum is best (Caruana et al. 2004,
    "Ensemble selection from libraries of models", with replacement). A model's weight is the share
    of the steps that added it. Equal weights are tried first, and stay if nothing is better.

    Args:
        count: models.
        steps: models that are added; weights are multiples of one over at most so many.
        judge: returns the validation metric of weights that sum to 1; larger is better.
        tell: is called with each step's weights and their metric.
    """
    known: dict[Weights, float] = {}

    def value(weights: Weights) -> float:
        if weights not in known:
            known[weights] = judge(weights)
        return known[weights]

    best = (Fraction(1, count),) * count
    tell(best, value(best))
    added = [0] * count
    for step in range(1, steps + 1):
        options = []
        for at in range(count):
            option = [n + (m == at) for m, n in enumerate(added)]
            options.append(tuple(Fraction(n, step) for n in option))
        values = [value(weights) for weights in options]
        at = values.index(max(values))
        added[at] += 1
        tell(options[at], values[at])
        if values[at] > known[best]:
            best = options[at]
    return best
