"""The best items, in order."""

from typing import ClassVar

import numpy as np

from seqrec.policy._policy import Bools, Floats, Shown


class Greedy:
    """Show the best candidates. Nothing is drawn, so every propensity is 1."""

    explores: ClassVar[bool] = False
    candidates: None = None

    def choose(self, score_M: Floats, slots: int, rng: np.random.Generator) -> Shown:
        """Take the first candidates."""
        shown = min(slots, len(score_M))
        return Shown(np.arange(shown), np.ones(shown))

    def next(self, score_NM: Floats, free_NM: Bools) -> Floats:
        """Return 1 for the first free candidate, 0 for the others."""
        return first(free_NM).astype(np.float64)


def first(free_NM: Bools) -> Bools:
    """Return for each row which candidate is the first free one."""
    return free_NM & (np.cumsum(free_NM, axis=-1) == 1)
