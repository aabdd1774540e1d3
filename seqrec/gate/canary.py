"""Sessions that the canary answers do as well as the others."""

from dataclasses import replace
from typing import ClassVar

from seqrec.evidence.evidence import Evidence
from seqrec.evidence.finding import Finding, surely_at_least
from seqrec.evidence.sequence import difference


class Canary:
    """What sessions earn with the canary, less what they earn with the live bundle.

    The interval is always valid: it may be looked at after every session, and stopped at any time.

    Args:
        loss: what a session may lose, relative to what it earns with the live bundle.
        alpha: how often a canary that is as good may fail, over all looks together.
        tightest: after how many sessions the interval is tightest.
    """

    order: ClassVar[int] = 9
    needs: ClassVar[str] = "arms"
    compares: ClassVar[bool] = True
    optional: ClassVar[bool] = False
    bounds: ClassVar[dict[str, tuple[float, float]]] = {
        "loss": (0, 1),
        "alpha": (1e-9, 0.5),
        "tightest": (1, 1e12),
    }

    def __init__(self, *, loss: float, alpha: float, tightest: int) -> None:
        self.loss, self.alpha, self.tightest = loss, alpha, tightest

    def __call__(self, evidence: Evidence) -> Finding:
        """Compare the two arms."""
        arms = evidence.arms
        assert arms is not None
        earned = arms.reward_N[~arms.canary_N]
        found = difference(
            arms.reward_N,
            arms.canary_N,
            share=arms.share,
            alpha=self.alpha,
            tightest=self.tightest,
        )
        bar = -self.loss * float(earned.mean() if earned.size else 0.0)
        check = surely_at_least("reward of a session, less the live one's", found, bar)
        counts = f"{int(arms.canary_N.sum()):,} of them the canary's"
        return Finding((replace(check, about=f"{check.about}; {counts}"),))
