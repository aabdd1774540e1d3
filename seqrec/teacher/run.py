"""One finished run as a teacher."""

from typing import ClassVar

from torch import Tensor

from seqrec.config.schema import Root
from seqrec.recommend.finished import read_finished
from seqrec.shapes import History
from seqrec.store.store import SequenceStore
from seqrec.teacher._answers import Answers, Voice, answers, voices_of


class Run:
    """The answers of a finished run, or of a finished ensemble.

    Its folder is data, as for recommendations: no code of it is run. Its model is frozen and in
    evaluation mode, so it says the same of the same history, and it isn't saved with the run that
    learns from it.

    Args:
        run: the folder; a run of the same data and split.
    """

    meaning: ClassVar[dict[str, str]] = {"run": "run"}

    def __init__(self, *, run: str) -> None:
        self.run = run
        self.wanted: tuple[str, ...] = ()
        self.voices: list[Voice] = []

    def begin(self, config: Root, store: SequenceStore) -> None:
        """See :class:`~seqrec.objective._teacher.Teacher`."""
        found = read_finished(self.run, config, store, where="teacher.run")
        self.voices = voices_of(found.model, named=f"teacher.run={self.run}")
        self.wanted = found.model.wanted

    def __call__(self, history: History, row_N: Tensor, column_N: Tensor) -> Answers:
        """See :class:`~seqrec.objective._teacher.Teacher`."""
        return answers(self.voices, history, row_N, column_N)
