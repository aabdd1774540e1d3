"""Inverse propensities."""

from typing import ClassVar

from seqrec.estimator._evidence import Estimate, Evidence


class Ips:
    """Weigh what slates earned by how much likelier the target shows them.

    Unbiased where logging shows whatever the target does (Horvitz and Thompson 1952).
    """

    difference: ClassVar[bool] = False
    needs: ClassVar[frozenset[str]] = frozenset()

    def __call__(self, evidence: Evidence) -> Estimate:
        """Estimate from whole slates."""
        weight_N = evidence.weights
        return Estimate(weight_N * evidence.earned, weight_N[:, None])
