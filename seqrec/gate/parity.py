"""The bundle is what was exported, and answers its golden requests."""

from typing import ClassVar

from seqrec.evidence.evidence import Evidence
from seqrec.evidence.finding import Finding, at_most


class Parity:
    """No test that the bundle carries fails: hashes, golden requests, the gate of its export."""

    order: ClassVar[int] = 1
    needs: ClassVar[str] = "faults"
    compares: ClassVar[bool] = False
    optional: ClassVar[bool] = False

    def __call__(self, evidence: Evidence) -> Finding:
        """Count the faults."""
        faults = evidence.faults or ()
        return Finding((at_most("faults", len(faults), 0, "; ".join(faults[:3])),))
