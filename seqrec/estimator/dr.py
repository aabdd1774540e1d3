"""Doubly robust."""

from typing import ClassVar

from seqrec.estimator._evidence import Estimate, Evidence


class Dr:
    """Predict what the target's slates earn, and add the weighted error of the prediction.

    Unbiased if the propensities are right, whatever the prediction; the better that is, the
    narrower the interval (Dudik, Langford and Li 2011).
    """

    difference: ClassVar[bool] = False
    needs: ClassVar[frozenset[str]] = frozenset({"model"})

    def __call__(self, evidence: Evidence) -> Estimate:
        """Estimate from whole slates."""
        weight_N = evidence.weights
        error_N = evidence.earned - evidence.predicted_NK.sum(1)
        return Estimate(evidence.expected_N + weight_N * error_N, weight_N[:, None])
