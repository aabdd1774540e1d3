"""What a policy would have earned, estimated from what another one did."""

from seqrec.estimator._choose import ESTIMATORS
from seqrec.estimator._evidence import Estimate, Estimator, Evidence

__all__ = ["ESTIMATORS", "Estimate", "Estimator", "Evidence"]
