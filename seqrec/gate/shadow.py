"""The shadow answered, in time, and with lists that have something in common with the live ones."""

from collections import Counter
from typing import ClassVar

import numpy as np

from seqrec.evidence.evidence import Evidence
from seqrec.evidence.finding import Check, Finding, at_most, cant_say, surely_at_least
from seqrec.evidence.means import clustered
from seqrec.evidence.overlap import rbo


class Shadow:
    """What the candidate did as the shadow: failures, milliseconds, overlap of its lists.

    A bundle that was never the shadow isn't stopped by this gate.

    Args:
        failures: share of the requests that may fail.
        ratio: what the median time of a list may grow by, of the live bundle's for the same
            requests.
        least: the mean rank-biased overlap with the live lists that its lists need.
        fewest: requests from which on anything is said.
        persistence: how far a reader reads: the chance of going on after each place.
        alpha: how often the mean may lie outside its interval.
    """

    order: ClassVar[int] = 3
    needs: ClassVar[str] = "beside"
    compares: ClassVar[bool] = True
    optional: ClassVar[bool] = True
    bounds: ClassVar[dict[str, tuple[float, float]]] = {
        "failures": (0, 1),
        "ratio": (0, 1e6),
        "least": (0, 1),
        "fewest": (1, 1e12),
        "persistence": (0.01, 0.99),
        "alpha": (0, 1),
    }

    def __init__(
        self,
        *,
        failures: float,
        ratio: float,
        least: float,
        fewest: int,
        persistence: float,
        alpha: float,
    ) -> None:
        self.failures, self.ratio, self.least = failures, ratio, least
        self.fewest, self.persistence, self.alpha = fewest, persistence, alpha

    def __call__(self, evidence: Evidence) -> Finding:
        """Count what failed, and compare the lists that it gave and their times."""
        beside = evidence.beside
        assert beside is not None
        gave, requests = len(beside.session_N), len(beside.session_N) + len(beside.failed)
        if requests < self.fewest:
            return cant_say("requests", f"{requests:,} of them, {self.fewest:,} are needed")
        checks = [self._failed(beside.failed, requests)]
        timed_N = (beside.ms_N > 0) & (beside.live_ms_N > 0)
        if timed_N.any():
            checks.append(self._time(beside.ms_N[timed_N], beside.live_ms_N[timed_N]))
        if gave:
            overlap_N = rbo(beside.shadow_NK, beside.live_NK, p=self.persistence)
            mean = clustered(overlap_N, beside.session_N, alpha=self.alpha)
            what = f"mean RBO@{beside.live_NK.shape[1]} as the shadow"
            checks.append(surely_at_least(what, mean, self.least))
        return Finding(tuple(checks))

    def _failed(self, failed: tuple[str, ...], requests: int) -> Check:
        about = f"{len(failed):,} of {requests:,} requests"
        for why, count in Counter(failed).most_common(1):
            about += f"; {count:,} times {why}"
        return at_most("share that failed", len(failed) / requests, self.failures, about)

    def _time(self, ms_N: np.ndarray, live_ms_N: np.ndarray) -> Check:
        mine, theirs = float(np.median(ms_N)), float(np.median(live_ms_N))
        p99 = float(np.quantile(ms_N, 0.99))
        about = f"{mine:.2f} ms, the live one {theirs:.2f}; p99 {p99:.2f} ms"
        return at_most(
            "median as the shadow, over the live one's", mine / theirs, self.ratio, about
        )
