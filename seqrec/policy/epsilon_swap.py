"""The best items, some of them swapped for random candidates."""

from typing import ClassVar

import numpy as np

from seqrec.policy._policy import Bools, Floats, Shown
from seqrec.policy.greedy import first


class EpsilonSwap:
    """Show the best of what is left, or, with a small probability, any of it.

    Args:
        candidates: number of the best items that random ones are drawn from.
        epsilon: probability, for each slot, that its item is drawn evenly from what is left.
    """

    explores: ClassVar[bool] = True
    bounds: ClassVar = {"candidates": (2, 10_000), "epsilon": (0, 1)}

    def __init__(self, *, candidates: int = 100, epsilon: float = 0.1) -> None:
        self.candidates, self.epsilon = candidates, epsilon

    def choose(self, score_M: Floats, slots: int, rng: np.random.Generator) -> Shown:
        """Fill one slot after the other."""
        left = list(range(len(score_M)))
        shown = min(slots, len(left))
        swapped_K, even_K = rng.random(shown) < self.epsilon, rng.random(shown)
        order_K, propensity_K = np.zeros(shown, np.int64), np.zeros(shown)
        for slot in range(shown):
            drawn = int(even_K[slot] * len(left)) if swapped_K[slot] else 0
            propensity_K[slot] = self.epsilon / len(left) + (1 - self.epsilon) * (drawn == 0)
            order_K[slot] = left.pop(drawn)
        return Shown(order_K, propensity_K)

    def next(self, score_NM: Floats, free_NM: Bools) -> Floats:
        """Return the even share of each free candidate, and what is left for the first."""
        count_N1 = np.maximum(free_NM.sum(-1, keepdims=True), 1)
        return self.epsilon * free_NM / count_N1 + (1 - self.epsilon) * first(free_NM)
