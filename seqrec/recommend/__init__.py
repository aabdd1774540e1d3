"""Recommendations from a trained run."""

from seqrec.recommend.recommender import Recommender
from seqrec.recommend.session import Recommendation, Session

__all__ = ["Recommendation", "Recommender", "Session"]
