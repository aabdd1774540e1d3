"""As many items are shown, and as evenly, as before."""

from typing import ClassVar

from seqrec.evidence.evidence import Evidence
from seqrec.evidence.finding import Finding, at_least, at_most, cant_say
from seqrec.evidence.shares import counts_of, gini


class Exposure:
    """Which items the slots of all lists go to.

    Args:
        coverage: the share of the number of items shown before that has to be shown.
        concentration: what the Gini index of the slots may rise by.
    """

    order: ClassVar[int] = 6
    needs: ClassVar[str] = "asked"
    compares: ClassVar[bool] = True
    optional: ClassVar[bool] = False
    bounds: ClassVar[dict[str, tuple[float, float]]] = {
        "coverage": (0, 1e6),
        "concentration": (0, 1),
    }

    def __init__(self, *, coverage: float, concentration: float) -> None:
        self.coverage, self.concentration = coverage, concentration

    def __call__(self, evidence: Evidence) -> Finding:
        """Count the slots of each item."""
        asked = evidence.asked
        assert asked is not None
        new_V, old_V = (
            counts_of(each, len(asked.ids)) for each in (asked.candidate_NK, asked.live_NK)
        )
        new, old = int((new_V > 0).sum()), int((old_V > 0).sum())
        if not old:
            return cant_say("items shown", "the log has no request to ask again")
        rise = gini(new_V) - gini(old_V)
        return Finding(
            (
                at_least("items shown, of before", new / old, self.coverage, f"{new:,} of {old:,}"),
                at_most("rise of the Gini index", rise, self.concentration),
            )
        )
