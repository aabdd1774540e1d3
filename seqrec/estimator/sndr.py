"""Doubly robust, with normalised weights."""

from typing import ClassVar

from seqrec.estimator._evidence import Estimate, Evidence, over_mean


class Sndr:
    """Correct as :class:`~seqrec.estimator.dr.Dr`, and divide the correction by the mean weight.

    After Kallus and Uehara 2019.
    """

    difference: ClassVar[bool] = False
    needs: ClassVar[frozenset[str]] = frozenset({"model"})

    def __call__(self, evidence: Evidence) -> Estimate:
        """Estimate from whole slates; the terms are its linear form."""
        weight_N = over_mean(evidence.weights)
        error_N = evidence.earned - evidence.predicted_NK.sum(1)
        correction = (weight_N * error_N).mean()
        term_N = evidence.expected_N + correction + weight_N * (error_N - correction)
        return Estimate(term_N, evidence.weights[:, None])
