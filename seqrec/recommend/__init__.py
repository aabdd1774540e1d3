"""Recommendations from a trained run.

Sessions and items need no torch; a recommender, which does, is loaded on first use.
"""

from typing import TYPE_CHECKING, Any

from seqrec.recommend.session import Recommendation, Session

if TYPE_CHECKING:
    from seqrec.recommend.recommender import Recommender

__all__ = ["Recommendation", "Recommender", "Session"]


def __getattr__(name: str) -> Any:
    """Import the recommender.

    Raises:
        AttributeError: there is no such name.
    """
    if name != "Recommender":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from seqrec.recommend.recommender import Recommender

    return Recommender
