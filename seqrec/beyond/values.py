"""A metric of each list, from which its mean over any lists can be had."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

TOGETHER = 1 << 22  # numbers that are held at once

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Values:
    """A metric of R lists: over some of them it is ``total.sum() / weight.sum()``.

    Args:
        total_R: float64; of a metric that is a mean over lists, its value.
        weight_R: float64; of such a metric 1, or 0 for a list that it isn't defined for.
    """

    total_R: Floats
    weight_R: Floats

    @classmethod
    def of(cls, value_R: Floats) -> "Values":
        """A mean over the lists whose value isn't NaN."""
        known_R = ~np.isnan(value_R)
        return cls(np.where(known_R, value_R, 0.0), known_R.astype(np.float64))

    def mean(self, member_R: Bools | None = None) -> float | None:
        """Over all lists, or some; None: it is defined for none of them."""
        chosen = slice(None) if member_R is None else member_R
        weight = self.weight_R[chosen].sum()
        return float(self.total_R[chosen].sum() / weight) if weight else None


def parts(cost_R: NDArray[np.integer]) -> Iterator[slice]:
    """Consecutive rows that together cost about `TOGETHER`, or a single one that costs more."""
    number = np.cumsum(cost_R, dtype=np.int64) // TOGETHER
    edges = [0, *(np.flatnonzero(np.diff(number)) + 1), len(cost_R)]
    for first, last in pairwise(edges):
        yield slice(first, last)
