"""The candidate would have earned as much, as far as the log can tell."""

from typing import ClassVar

from seqrec.evidence.evidence import Evidence
from seqrec.evidence.finding import Finding, cant_say, surely_at_least

WHAT = "what a list earns, less production's"


class Offpolicy:
    """The off-policy estimate of the difference to production.

    A log that wasn't drawn, or is small, tells nothing of other models; then this gate can't say,
    and stops nobody.

    Args:
        loss: what a list may lose, relative to what it earns in production.
    """

    order: ClassVar[int] = 8
    needs: ClassVar[str] = "value"
    compares: ClassVar[bool] = True
    optional: ClassVar[bool] = True
    bounds: ClassVar[dict[str, tuple[float, float]]] = {"loss": (0, 1)}

    def __init__(self, *, loss: float) -> None:
        self.loss = loss

    def __call__(self, evidence: Evidence) -> Finding:
        """Hold the difference against its bar."""
        value = evidence.value
        assert value is not None
        if value.doubt is not None:
            return cant_say(WHAT, value.doubt)
        bar = -self.loss * value.production
        return Finding((surely_at_least(WHAT, value.difference, bar, unit="effective lists"),))
