"""The difference to production."""

from typing import ClassVar

from seqrec.estimator._choose import ESTIMATORS
from seqrec.estimator._evidence import Estimate, Estimator, Evidence


class Delta:
    """Take what the logged slates earned from another estimate, slate by slate.

    Both rest on the same slates, so what they share cancels, and the interval is narrower than that
    of a difference of two estimates (Jeunen and Goethals 2024).

    Args:
        of: the name of the other estimator, which has the values of its file.

    Raises:
        ConfigError: there is no such estimator.
        ValueError: it is a difference, too.
    """

    difference: ClassVar[bool] = True

    def __init__(self, *, of: str = "cascade_dr") -> None:
        self.of: Estimator = ESTIMATORS.build(ESTIMATORS.settings_of([of], {}))[of]
        if self.of.difference:
            raise ValueError(f"delta.of={of} is a difference itself; choose of=cascade_dr")

    @property
    def needs(self) -> frozenset[str]:
        """What the other one needs."""
        return self.of.needs

    def __call__(self, evidence: Evidence) -> Estimate:
        """Estimate by the other one, and subtract."""
        other = self.of(evidence)
        return Estimate(other.term_N - evidence.earned, other.weight_NJ)
