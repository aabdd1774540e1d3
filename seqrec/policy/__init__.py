"""What is shown of the candidates, and with what probability."""

from seqrec.policy._choose import POLICIES
from seqrec.policy._policy import Policy, Shown, above, propensities

__all__ = ["POLICIES", "Policy", "Shown", "above", "propensities"]
