"""Slates drawn without replacement from the softmax of the scores."""

from typing import ClassVar

import numpy as np

from seqrec.policy._policy import Bools, Floats, Shown


class PlackettLuce:
    """Draw each slot from the softmax of the scores of what is left (Luce 1959; Plackett 1975).

    All slots are drawn at once: the k best of the log weights plus Gumbel noise are a draw of k
    without replacement (Yellott 1977; Kool et al. 2019). The weights are the softmax, mixed with an
    even share, so no candidate's propensity is below ``floor / M``.

    Args:
        candidates: number of the best items that slates are drawn from.
        temperature: the scores are divided by it; the smaller, the closer to greedy.
        floor: weight of the even share; above 0, so that no weight is lost to rounding.
    """

    explores: ClassVar[bool] = True
    bounds: ClassVar = {"candidates": (2, 10_000), "temperature": (1e-6, 1e6), "floor": (1e-6, 1)}

    def __init__(self, *, candidates: int = 100, temperature: float = 1.0, floor: float = 0.01):
        self.candidates, self.temperature, self.floor = candidates, temperature, floor

    def choose(self, score_M: Floats, slots: int, rng: np.random.Generator) -> Shown:
        """Draw all slots at once."""
        if not len(score_M):
            return Shown(np.zeros(0, np.int64), np.zeros(0))
        weight_M = self._weights(np.asarray(score_M, np.float64))
        order_M = np.argsort(-(np.log(weight_M) + rng.gumbel(size=len(weight_M))))
        drawn_M = weight_M[order_M]
        left_M = np.cumsum(drawn_M[::-1])[::-1]  # of each slot, what it and those below it weigh
        order_K = order_M[:slots]
        return Shown(order_K, drawn_M[:slots] / left_M[:slots])

    def next(self, score_NM: Floats, free_NM: Bools) -> Floats:
        """Return each free candidate's share of the weight of all free ones."""
        weight_NM = np.where(free_NM, self._weights(score_NM), 0.0)
        total_N1 = weight_NM.sum(-1, keepdims=True)
        return np.divide(weight_NM, total_N1, out=np.zeros_like(weight_NM), where=total_N1 > 0)

    def _weights(self, score_M: Floats) -> Floats:
        """Return the weights of candidates, which sum to 1; 0 where the score is -inf."""
        present_M = np.isfinite(score_M)
        best = np.max(score_M, axis=-1, keepdims=True, initial=-np.inf, where=present_M)
        with np.errstate(invalid="ignore"):
            raw_M = np.where(present_M, np.exp((score_M - best) / self.temperature), 0.0)
        even_M = present_M / np.maximum(present_M.sum(-1, keepdims=True), 1)
        total = np.maximum(raw_M.sum(-1, keepdims=True), 1.0)  # of the best alone it is 1
        return (1 - self.floor) * raw_M / total + self.floor * even_M
