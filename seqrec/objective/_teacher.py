"""The contract of teachers: finished runs whose answers an objective learns from."""

from typing import Any, Protocol

from torch import Tensor

from seqrec.shapes import History
from seqrec.store.store import SequenceStore


class Taught(Protocol):
    """What a teacher says of N positions, held as queries: scores are made a few at a time."""

    def scores(self, part: slice) -> Tensor:
        """Return ``score_CW``, float32, of the items 1 .. V-1 at some of the positions.

        A softmax of them is the teacher's distribution. No item is left out, seen or not: what may
        be recommended is decided when lists are made.
        """
        ...


class Teacher(Protocol):
    """Says how likely each item is after each prefix; it is frozen, and draws nothing at random."""

    wanted: tuple[str, ...]  # event columns that histories must hold for it

    def begin(self, config: Any, store: SequenceStore) -> None:
        """Read the runs, before the first step.

        Raises:
            RunError: a run isn't finished, or has other data, items or another split.
            ConfigError: its model doesn't answer every prefix.
        """
        ...

    def __call__(self, history: History, row_N: Tensor, column_N: Tensor) -> Taught:
        """Return what is said at N positions, each in its row and column of the histories."""
        ...
