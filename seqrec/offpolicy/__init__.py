"""What another policy or another model would have earned, from a log."""

from seqrec.offpolicy.study import Study, Target, study

__all__ = ["Study", "Target", "study"]
