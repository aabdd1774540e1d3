"""Whether an estimate can be trusted, and what it says."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from seqrec.estimator import Estimate, Estimator, Evidence
from seqrec.offpolicy.arrays import Floats
from seqrec.offpolicy.evidence import Cover

SUPPORT, OVERLAP, EFFECTIVE, SPOILED = 0.95, 0.8, 1000, 0.01
Z = 1.959963984540054  # of a 95 % interval
CLIPS = (3.0, 10.0, 30.0, 100.0)


@dataclass(frozen=True)
class Row:
    """What one estimator says.

    Args:
        estimator: its name.
        value: what a slate of the target earns, or how much more than one of production.
        low: begin of its 95 % interval.
        high: its end.
        effective: effective number of slates.
        difference: whether it is a difference to production.
        doubt: why that can't be said; None: it can.
    """

    estimator: str
    value: float
    low: float
    high: float
    effective: float
    difference: bool
    doubt: str | None

    @property
    def says(self) -> str:
        """Return in words what it says."""
        if self.doubt is not None:
            return f"can't say, {self.doubt}"
        if not self.difference:
            return "can say"
        if self.low > 0:
            return "earns more than production"
        return "earns less than production" if self.high < 0 else "no difference to be seen"


def row_of(name: str, estimator: Estimator, evidence: Evidence, *, doubt: str | None = None) -> Row:
    """Estimate, and doubt it where too few slates carry it.

    Args:
        name: of the estimator.
        estimator: estimates.
        evidence: all slates.
        doubt: why no estimator can say.
    """
    estimate = estimator(evidence)
    error = estimate.error(evidence.session_N)
    effective = estimate.effective(evidence.reward_NK)
    return Row(
        name,
        estimate.value,
        estimate.value - Z * error,
        estimate.value + Z * error,
        effective,
        estimator.difference,
        doubt or too_few(effective, len(evidence)),
    )


def doubt_of(cover: Cover, spoiled: float) -> str | None:
    """Return why no estimator can say anything; None: one may.

    Args:
        cover: of the target by the log.
        spoiled: share of slates with propensities that are none.
    """
    support, overlap = float(cover.support_N.mean()), float(cover.overlap_N.mean())
    if spoiled > SPOILED:
        return f"the propensities of {spoiled:.1%} of the slates are wrong"
    if support < SUPPORT:
        return f"{1 - support:.1%} of what it shows was no candidate: more slates don't help"
    if overlap < OVERLAP:
        return f"{1 - overlap:.1%} of what it shows is shown too rarely: explore more"
    return None


def too_few(effective: float, slates: int) -> str | None:
    """Return how many more slates an estimate needs; None: it has enough."""
    if effective >= EFFECTIVE:
        return None
    if effective <= 0:
        return "no slate is one that the target could show"
    more = slates * (EFFECTIVE / effective - 1)
    digits = max(0, math.floor(math.log10(more)) - 1) if more > 1 else 0
    return f"needs about {math.ceil(more / 10**digits) * 10**digits:,} more slates"


def clipped(estimate: Estimate, reward_NK: Floats) -> list[dict[str, float | None]]:
    """Return what weighted rewards come to if no weight may be larger than a bound.

    Where the bounds change the value, few slates carry it.
    """
    weight_NJ = estimate.weight_NJ
    earned_NJ = reward_NK if weight_NJ.shape[1] > 1 else reward_NK.sum(1, keepdims=True)
    bounds: Iterable[float] = (*CLIPS, math.inf)
    return [
        {
            "most": None if bound == math.inf else bound,
            "value": float((np.minimum(weight_NJ, bound) * earned_NJ).sum(1).mean()),
            "clipped": float((weight_NJ > bound).mean()),
        }
        for bound in bounds
    ]
