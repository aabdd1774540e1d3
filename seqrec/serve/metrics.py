"""What the server counts and times, for Prometheus."""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import Any

import psutil
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)
from prometheus_client.core import HistogramMetricFamily
from prometheus_client.registry import Collector

STAGES = ("parse", "state", "queue", "encode", "search", "explain", "log", "total")
SECONDS = (
    *(0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0),
)
LENGTHS = (0, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)


class Times(Collector):
    """A histogram of the seconds of each stage, which one thread alone notes.

    It costs a tenth of prometheus_client's own, which takes a lock and walks through the buckets.

    Args:
        worker: the worker's number.
        stages: their names.
    """

    def __init__(self, worker: str, stages: Sequence[str]) -> None:
        self.worker = worker
        self._count = {stage: [0] * (len(SECONDS) + 1) for stage in stages}
        self._sum = dict.fromkeys(stages, 0.0)

    def observe(self, stage: str, seconds: float) -> None:
        """Note the time of a stage."""
        self._count[stage][bisect_left(SECONDS, seconds)] += 1
        self._sum[stage] += seconds

    def collect(self) -> Iterator[HistogramMetricFamily]:
        """Yield the histogram as Prometheus reads it."""
        family = HistogramMetricFamily(
            "seqrec_stage_seconds", "Time of a stage", labels=["worker", "stage"]
        )
        names = [*map(str, SECONDS), "+Inf"]
        for stage, counts in self._count.items():
            buckets = [*zip(names, accumulate(counts), strict=True)]
            family.add_metric([self.worker, stage], buckets, self._sum[stage])
        yield family


class Metrics:
    """Counters and times of one worker.

    Args:
        worker: its number, which every sample carries.
    """

    def __init__(self, worker: int = 0) -> None:
        self.registry = CollectorRegistry()
        self.worker = str(worker)
        own: dict[str, Any] = {"registry": self.registry, "namespace": "seqrec"}
        requests = Counter("requests", "Requests", ["worker", "path", "status"], **own)
        self._requests = requests
        self._times = Times(self.worker, STAGES)
        self.registry.register(self._times)
        self._counters = {
            name: Counter(name, text, ["worker", "reason"], **own)
            for name, text in (
                ("refused", "Requests that were refused"),
                ("empty", "Lists that are empty"),
                ("failed", "Writes that failed"),
            )
        }
        self.items = Counter("items", "Items of sessions", ["worker"], **own).labels(self.worker)
        self.unknown = Counter(
            "unknown_items", "Items of sessions that the catalogue lacks", ["worker"], **own
        ).labels(self.worker)
        self.events = Counter("events", "Events", ["worker", "outcome"], **own)
        self.length = Histogram(
            "session_length", "Items of a session", ["worker"], buckets=LENGTHS, **own
        ).labels(self.worker)
        self.together = Histogram(
            "batch_requests",
            "Requests that were answered together",
            ["worker"],
            buckets=(1, 2, 4, 8, 16, 32),
            **own,
        ).labels(self.worker)
        self.in_flight = Gauge("in_flight", "Requests being answered", ["worker"], **own).labels(
            self.worker
        )
        self.queue = Gauge("queue_length", "Requests that wait", ["worker"], **own).labels(
            self.worker
        )
        self.recall = Gauge("index_recall", "Recall of the index", ["worker"], **own).labels(
            self.worker
        )
        self.bundle = Gauge("bundle", "The bundle that answers", ["worker", "sha"], **own)
        self.filters = Gauge("filters_version", "Version of the filters", ["worker"], **own).labels(
            self.worker
        )
        memory = Gauge(
            "resident_bytes", "Resident memory, the mapped tables in it", ["worker"], **own
        )
        memory.labels(self.worker).set_function(resident_bytes)

    def took(self, stage: str, ms: float) -> None:
        """Note the time of a stage."""
        self._times.observe(stage, ms / 1000)

    def count(self, name: str, reason: str) -> None:
        """Count a refusal, an empty list or a failed write."""
        self._counters[name].labels(self.worker, reason).inc()

    def answered(self, path: str, status: int) -> None:
        """Count a request."""
        self._requests.labels(self.worker, path, str(status)).inc()

    def text(self) -> bytes:
        """Return all of it as Prometheus reads it."""
        return generate_latest(self.registry)


def resident_bytes() -> int:
    """Return the resident memory of this process."""
    return psutil.Process().memory_info().rss
