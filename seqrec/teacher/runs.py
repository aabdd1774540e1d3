"""Several finished runs as one teacher."""

from typing import ClassVar

from torch import Tensor

from seqrec.config.schema import Root
from seqrec.recommend.finished import read_finished
from seqrec.shapes import History
from seqrec.store.store import SequenceStore
from seqrec.teacher._answers import Answers, Voice, answers, voices_of


class Runs:
    """The geometric mean of the distributions of several finished runs (Hinton et al. 2015).

    Each is read and frozen as :class:`~seqrec.teacher.run.Run` does. The weights are given; those
    that validation chooses come from a finished ``model=ensemble``, which ``teacher=run`` takes.

    Args:
        runs: their folders, two or more, of the same data and split.
        weights: of each run's log-probabilities, above 0, divided by their sum; null: equal.
    """

    meaning: ClassVar[dict[str, str]] = {"runs": "run"}

    def __init__(self, *, runs: list[str], weights: list[float] | None = None) -> None:
        if len(set(runs)) < max(2, len(runs)):
            raise ValueError(f"teacher.runs={runs}: name two finished runs or more, each once")
        if weights is not None and (len(weights) != len(runs) or not all(w > 0 for w in weights)):
            raise ValueError(
                f"teacher.weights={weights}: give a number above 0 for each of {len(runs)} runs"
            )
        self.runs, self.weights = runs, weights or [1.0] * len(runs)
        self.wanted: tuple[str, ...] = ()
        self.voices: list[Voice] = []

    def begin(self, config: Root, store: SequenceStore) -> None:
        """See :class:`~seqrec.objective._teacher.Teacher`."""
        self.voices, wanted = [], dict[str, None]()
        for run, weight in zip(self.runs, self.weights, strict=True):
            found = read_finished(run, config, store, where="teacher.runs")
            share = weight / sum(self.weights)
            self.voices += voices_of(found.model, named=f"teacher.runs={run}", weight=share)
            wanted |= dict.fromkeys(found.model.wanted)
        self.wanted = tuple(wanted)

    def __call__(self, history: History, row_N: Tensor, column_N: Tensor) -> Answers:
        """See :class:`~seqrec.objective._teacher.Teacher`."""
        return answers(self.voices, history, row_N, column_N)
