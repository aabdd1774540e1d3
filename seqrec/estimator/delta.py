"""The difference to production."""

from typing import ClassVar

from seqrec.estimator._evidence import Estimate, Estimator, Evidence


class Delta:
    """Take what the logged slates earned from another estimate, slate by slate.

    Both rest on the same slates, so what they share cancels, and the interval is narrower than that
    of a difference of two estimates (Jeunen and Goethals 2024).

    Args:
        of: the other estimator.
    """

    difference: ClassVar[bool] = True

    def __init__(self, *, of: Estimator) -> None:
        self.of = of

    @property
    def needs(self) -> frozenset[str]:
        """What the other one needs."""
        return self.of.needs

    def __call__(self, evidence: Evidence) -> Estimate:
        """Estimate by the other one, and subtract."""
        other = self.of(evidence)
        return Estimate(other.term_N - evidence.earned, other.weight_NJ)
