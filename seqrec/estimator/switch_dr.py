"""Doubly robust where weights are small, a prediction elsewhere."""

from typing import ClassVar

import numpy as np

from seqrec.estimator._evidence import Estimate, Evidence


class SwitchDr:
    """Correct as :class:`~seqrec.estimator.dr.Dr`, but only where the weight is at most `tau`.

    It trades bias for variance (Wang, Agarwal and Dudik 2017).

    Args:
        tau: the largest weight that corrects.
    """

    difference: ClassVar[bool] = False
    needs: ClassVar[frozenset[str]] = frozenset({"model"})
    bounds: ClassVar = {"tau": (0, 1e12)}

    def __init__(self, *, tau: float = 10.0) -> None:
        self.tau = tau

    def __call__(self, evidence: Evidence) -> Estimate:
        """Estimate from whole slates."""
        weight_N = np.where(evidence.weights <= self.tau, evidence.weights, 0.0)
        error_N = evidence.earned - evidence.predicted_NK.sum(1)
        return Estimate(evidence.expected_N + weight_N * error_N, weight_N[:, None])
