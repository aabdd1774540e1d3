"""Inverse propensities, divided by the mean weight."""

from typing import ClassVar

from seqrec.estimator._evidence import Estimate, Evidence, over_mean


class Snips:
    """Weigh as :class:`~seqrec.estimator.ips.Ips`, and divide by the mean weight.

    The bias vanishes with the number of slates; adding a constant to all rewards adds it to the
    estimate (Swaminathan and Joachims 2015).
    """

    difference: ClassVar[bool] = False
    needs: ClassVar[frozenset[str]] = frozenset()

    def __call__(self, evidence: Evidence) -> Estimate:
        """Estimate from whole slates; the terms are its linear form."""
        weight_N = over_mean(evidence.weights)
        value = (weight_N * evidence.earned).mean()
        return Estimate(value + weight_N * (evidence.earned - value), evidence.weights[:, None])
