"""Splitting many lists into parts of bounded cost."""

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

MAX_AT_ONCE = 1 << 22  # numbers held at once


def parts(cost_R: NDArray[np.integer]) -> Iterator[slice]:
    """Yield consecutive rows that together cost about `MAX_AT_ONCE`, or one costlier row."""
    number = np.cumsum(cost_R, dtype=np.int64) // MAX_AT_ONCE
    edges = [0, *(np.flatnonzero(np.diff(number)) + 1), len(cost_R)]
    for first, last in pairwise(edges):
        yield slice(first, last)
