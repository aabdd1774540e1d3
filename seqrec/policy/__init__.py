"""What is shown of the candidates, and with what probability."""

from seqrec.policy._policy import Policy, Shown, above, propensities

__all__ = ["Policy", "Shown", "above", "propensities"]
