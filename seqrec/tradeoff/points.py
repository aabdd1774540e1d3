"""The points of a trade-off, and the strength that validation chooses."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

import numpy as np

from seqrec.comparison.estimate.statistics import pareto_front
from seqrec.tradeoff.choose import BARE, Setting
from seqrec.tradeoff.measure import Metrics


@dataclass(frozen=True)
class Measure:
    """A number of a trade-off.

    Args:
        name: of the metric, without its length.
        title: in words.
        better: ``less``, ``more`` or ``near 0``.
    """

    name: str
    title: str
    better: str

    def key(self, k: int) -> str:
        """Return the metric's name in the results."""
        return f"{self.name}@{k}"

    def cost(self, value: float) -> float:
        """Return a number that is smaller where the metric is better."""
        return {"less": value, "more": -value, "near 0": abs(value)}[self.better]


ACCURACY = Measure("ndcg", "NDCG", "more")
MEASURES = (
    ACCURACY,
    Measure("hit_rate", "hit rate", "more"),
    Measure("miscalibration", "miscalibration (KL)", "less"),
    Measure("similarity", "list similarity", "less"),
    Measure("tail_share", "tail share", "more"),
    Measure("coverage", "coverage", "more"),
    Measure("gini", "Gini of exposure", "less"),
    Measure("gaps/user/ndcg", "NDCG, active less light users", "near 0"),
    Measure("gaps/item/hit_rate", "hit rate, head less tail", "near 0"),
)


@dataclass(frozen=True)
class Point:
    """What a reranker at one strength reached in each run.

    Args:
        setting: the reranker; None: the order of the model.
        valid: metrics of the validation events by run.
        test: metrics of the test events by run.
    """

    setting: Setting | None
    valid: list[Metrics]
    test: list[Metrics]

    @property
    def name(self) -> str:
        """The reranker's name."""
        return BARE if self.setting is None else self.setting.name

    @property
    def label(self) -> str:
        """The reranker with its strength."""
        return BARE if self.setting is None else self.setting.label


def mean(runs: Sequence[Metrics], key: str) -> float | None:
    """Return the mean over the runs; None if one of them lacks the metric."""
    values = [metrics.get(key) for metrics in runs]
    known = [value for value in values if value is not None]
    return fmean(known) if len(known) == len(runs) else None


def spread(runs: Sequence[Metrics], key: str) -> float | None:
    """Return the standard deviation over the runs; None of a single one."""
    return stdev(metrics[key] for metrics in runs) if len(runs) > 1 else None


def measures_of(points: Sequence[Point], k: int) -> list[Measure]:
    """Return the measures that all points have, and the gaps between groups of users."""
    known = set.intersection(*(set(m) for p in points for m in (*p.valid, *p.test)))
    fixed = {each.key(k) for each in MEASURES}
    groups = [
        Measure(name.partition("@")[0], f"NDCG, gap by {name.split('/')[1]}", "near 0")
        for name in sorted(known)
        if name.startswith("gaps/") and name.endswith(f"/ndcg@{k}") and name not in fixed
        and name.split("/")[1] not in ("item", "target", "history", "arrival")
    ]  # fmt: skip
    return [each for each in (*MEASURES, *groups) if each.key(k) in known]


def chosen(points: Sequence[Point], k: int, loss: float) -> dict[str, Point]:
    """Return the strongest setting of each reranker that validation allows.

    Args:
        points: the first is the order of the model; those of a reranker go from weak to strong.
        k: length of the lists.
        loss: share of the validation NDCG that may be lost, 0.03 for 3 %.
    """
    key = ACCURACY.key(k)
    least = (1 - loss) * (mean(points[0].valid, key) or 0.0)
    return {point.name: point for point in points[1:] if (mean(point.valid, key) or 0.0) >= least}


def front(points: Sequence[Point], measure: Measure, k: int) -> list[Point]:
    """Return the points, by NDCG, that no other beats in both NDCG and the measure on the test."""
    placed = [(mean(p.test, ACCURACY.key(k)), mean(p.test, measure.key(k)), p) for p in points]
    known = [
        (ndcg, value, p) for ndcg, value, p in placed if ndcg is not None and value is not None
    ]
    cost = np.array([measure.cost(value) for _, value, _ in known])
    gain = np.array([ndcg for ndcg, _, _ in known])
    best = np.flatnonzero(pareto_front(cost, gain))
    return [known[at][2] for at in best[np.argsort(-gain[best], kind="stable")]]
