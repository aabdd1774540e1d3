"""The bundle answers as fast as the live one."""

from typing import ClassVar

import numpy as np

from seqrec.evidence.evidence import Evidence
from seqrec.evidence.finding import Check, Finding, at_most


class Latency:
    """Single requests, in this process, one after the other.

    Args:
        ratio: what the median may grow by, of the live bundle's.
        p99_ms: milliseconds within which 99 % of the requests have to be answered.
    """

    order: ClassVar[int] = 2
    needs: ClassVar[str] = "ms"
    compares: ClassVar[bool] = False
    optional: ClassVar[bool] = False
    bounds: ClassVar[dict[str, tuple[float, float]]] = {"ratio": (0, 1e6), "p99_ms": (0, 1e6)}

    def __init__(self, *, ratio: float, p99_ms: float) -> None:
        self.ratio, self.p99_ms = ratio, p99_ms

    def __call__(self, evidence: Evidence) -> Finding:
        """Hold the median against the live one's, and the 99th percentile against its bar."""
        ms = evidence.ms["candidate"]
        checks: list[Check] = []
        if "live" in evidence.ms:
            mine, theirs = (float(np.median(evidence.ms[role])) for role in ("candidate", "live"))
            about = f"{mine:.2f} ms, the live one {theirs:.2f}"
            checks.append(at_most("median over the live one's", mine / theirs, self.ratio, about))
        p99 = float(np.quantile(ms, 0.99))
        checks.append(at_most("p99, ms", p99, self.p99_ms, f"{len(ms):,} requests"))
        return Finding(tuple(checks))
