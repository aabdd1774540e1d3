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
    generate_latest,
)
from prometheus_client.core import HistogramMetricFamily
from prometheus_client.registry import Collector

STAGES = ("parse", "state", "queue", "encode", "search", "explain", "log", "total")
SECONDS = (
    *(0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0),
)
TOGETHER = (1, 2, 4, 8, 16, 32)
LENGTHS = (0, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)


class Tally(Collector):
    """A histogram that one thread alone adds to.

    It costs a tenth of prometheus_client's own, which takes a lock and walks through the buckets.

    Args:
        name: its name.
        text: what it is of.
        worker: the worker's number.
        buckets: upper ends, increasing.
        parts: values of the label ``stage``, if it has one, each with a histogram.
    """

    def __init__(
        self,
        name: str,
        text: str,
        *,
        worker: str,
        buckets: Sequence[float],
        parts: Sequence[str] = (),
    ) -> None:
        self.name, self.text, self.worker, self.buckets = name, text, worker, buckets
        self.labels = ["worker", "stage"] if parts else ["worker"]
        self._count = {part: [0] * (len(buckets) + 1) for part in parts or ("",)}
        self._sum = dict.fromkeys(self._count, 0.0)

    def observe(self, value: float, part: str = "") -> None:
        """Add a value."""
        self._count[part][bisect_left(self.buckets, value)] += 1
        self._sum[part] += value

    def collect(self) -> Iterator[HistogramMetricFamily]:
        """Yield the histogram as Prometheus reads it."""
        family = HistogramMetricFamily(self.name, self.text, labels=self.labels)
        names = [*(str(float(each)) for each in self.buckets), "+Inf"]
        for part, counts in self._count.items():
            buckets = [*zip(names, accumulate(counts), strict=True)]
            labels = [self.worker, part] if part else [self.worker]
            family.add_metric(labels, buckets, self._sum[part])
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
        self._answered: dict[tuple[str, int], Counter] = {}
        self._times = self._tally("stage_seconds", "Time of a stage", SECONDS, STAGES)
        self._counters = {
            name: Counter(name, text, ["worker", "reason"], **own)
            for name, text in (
                ("refused", "Requests that were refused"),
                ("empty", "Lists that are empty"),
                ("failed", "Writes, and answers of the model, that failed"),
            )
        }
        self._fallen = Counter(
            "fallback", "Lists that stand in for the model's", ["worker", "source", "reason"], **own
        )
        self._shadow = Counter(
            "shadow", "Requests that the shadow was to be asked", ["worker", "outcome"], **own
        )
        self.items = Counter("items", "Items of sessions", ["worker"], **own).labels(self.worker)
        self.unknown = Counter(
            "unknown_items", "Items of sessions that the catalogue lacks", ["worker"], **own
        ).labels(self.worker)
        self.events = Counter("events", "Events", ["worker", "outcome"], **own)
        self.length = self._tally("session_length", "Items of a session", LENGTHS)
        together = "Requests that were answered together"
        self.together = self._tally("batch_requests", together, TOGETHER)
        self.in_flight = 0
        in_flight = Gauge("in_flight", "Requests being answered", ["worker"], **own)
        in_flight.labels(self.worker).set_function(lambda: self.in_flight)
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
        self._times.observe(ms / 1000, stage)

    def count(self, name: str, reason: str) -> None:
        """Count a refusal, an empty list, or what failed."""
        self._counters[name].labels(self.worker, reason).inc()

    def fell(self, source: str, reason: str) -> None:
        """Count a list that stands in for the model's."""
        self._fallen.labels(self.worker, source, reason).inc()

    def shadowed(self, outcome: str) -> None:
        """Count a request that a shadow was to be asked."""
        self._shadow.labels(self.worker, outcome).inc()

    def answered(self, path: str, status: int) -> None:
        """Count a request."""
        counter = self._answered.get((path, status))
        if counter is None:
            counter = self._requests.labels(self.worker, path, str(status))
            self._answered[path, status] = counter
        counter.inc()

    def _tally(
        self, name: str, text: str, buckets: Sequence[float], parts: Sequence[str] = ()
    ) -> Tally:
        made = Tally(f"seqrec_{name}", text, worker=self.worker, buckets=buckets, parts=parts)
        self.registry.register(made)
        return made

    def text(self) -> bytes:
        """Return all of it as Prometheus reads it."""
        return generate_latest(self.registry)


def resident_bytes() -> int:
    """Return the resident memory of this process."""
    return psutil.Process().memory_info().rss
