"""The results of a run by part; only ``metrics.json`` holds them as one flat table."""

from dataclasses import dataclass, field
from typing import Any

Metrics = dict[str, float]


@dataclass(frozen=True)
class Results:
    """Metrics by name, ``ndcg@10`` for example, of each part of a run.

    Args:
        valid: of the model on the validation events.
        test: of the model on the test events.
        popularity: of the popularity baseline on the test events.
        slices: of the model by kind of test event; see
            :func:`~seqrec.evaluation.slices.slice_metrics`; and balanced over the items.
        about: what the metrics belong to, and what training cost.
    """

    valid: Metrics
    test: Metrics
    popularity: Metrics = field(default_factory=dict)
    slices: Metrics = field(default_factory=dict)
    about: dict[str, Any] = field(default_factory=dict)

    def flat(self) -> dict[str, Any]:
        """Return the content of ``metrics.json``, ``{"test/ndcg@10": ...}``."""
        return {
            **prefixed("test", self.test),
            **prefixed("valid", self.valid),
            **self.about,
            **prefixed("popularity", self.popularity),
            **self.slices,
        }


def prefixed(part: str, metrics: Metrics) -> Metrics:
    """Return the metrics under their names in ``metrics.json`` and in loggers."""
    return {f"{part}/{name}": value for name, value in metrics.items()}
