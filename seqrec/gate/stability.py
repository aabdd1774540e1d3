"""Lists don't change more than they have to."""

from typing import ClassVar

from seqrec.evidence.evidence import Evidence
from seqrec.evidence.finding import Finding, surely_at_least
from seqrec.evidence.means import clustered
from seqrec.evidence.overlap import rbo


class Stability:
    """Rank-biased overlap of the candidate's and the live bundle's lists.

    Poisoned feedback hardly moves NDCG and moves lists a lot (Oh et al., arXiv 2410.09936).

    Args:
        least: the mean overlap that lists need.
        persistence: how far a reader reads: the chance of going on after each place.
        alpha: how often the mean may lie outside its interval.
    """

    order: ClassVar[int] = 5
    needs: ClassVar[str] = "asked"
    compares: ClassVar[bool] = True
    optional: ClassVar[bool] = False
    bounds: ClassVar[dict[str, tuple[float, float]]] = {
        "least": (0, 1),
        "persistence": (0.01, 0.99),
        "alpha": (0, 1),
    }

    def __init__(self, *, least: float, persistence: float, alpha: float) -> None:
        self.least, self.persistence, self.alpha = least, persistence, alpha

    def __call__(self, evidence: Evidence) -> Finding:
        """Estimate the mean overlap."""
        asked = evidence.asked
        assert asked is not None
        overlap_N = rbo(asked.candidate_NK, asked.live_NK, p=self.persistence)
        mean = clustered(overlap_N, asked.session_N, alpha=self.alpha)
        what = f"mean RBO@{asked.live_NK.shape[1]}"
        return Finding((surely_at_least(what, mean, self.least),))
