"""The pseudo-inverse estimator of slates."""

from typing import ClassVar

from seqrec.estimator._evidence import Estimate, Evidence


class Pi:
    """Weigh slates as whole, where what they earn is a sum over their slots.

    Unbiased if it is, whatever each slot's share depends on, and only the total has to be known
    (Swaminathan et al. 2017). A weight may be negative.
    """

    difference: ClassVar[bool] = False
    needs: ClassVar[frozenset[str]] = frozenset({"pairs"})

    def __call__(self, evidence: Evidence) -> Estimate:
        """Estimate from what whole slates earned."""
        weight_N = evidence.additive_N
        return Estimate(weight_N * evidence.earned, weight_N[:, None])
