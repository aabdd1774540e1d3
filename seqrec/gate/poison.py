"""Nobody has pushed an item into the lists."""

from typing import ClassVar

import numpy as np

from seqrec.evidence.evidence import Asked, Codes, Evidence, Floats
from seqrec.evidence.finding import Finding, at_most
from seqrec.evidence.shares import counts_of, growth

NAMED = 3  # items, and sessions of each


class Poison:
    """No item's share of the slots has grown by more than a ratio, beyond chance.

    An item that the live bundle knows is held against its share of the live lists; an item that is
    new, against its share of what sessions took: what few took can't fill the lists. A trend looks
    the same as a push, so who knows it for a trend says so: ``waive='[poison]'``.

    Args:
        ratio: what a share may grow by.
        least: share of the slots from which on an item is looked at: small shares of a model that
            has learned more grow by much, and touch few lists.
        alpha: how often an item may be named by chance.
    """

    order: ClassVar[int] = 7
    needs: ClassVar[str] = "asked"
    compares: ClassVar[bool] = True
    optional: ClassVar[bool] = False
    bounds: ClassVar[dict[str, tuple[float, float]]] = {
        "ratio": (1, 1e6),
        "least": (0, 1),
        "alpha": (0, 1),
    }

    def __init__(self, *, ratio: float, least: float, alpha: float) -> None:
        self.ratio, self.least, self.alpha = ratio, least, alpha

    def __call__(self, evidence: Evidence) -> Finding:
        """Name the items that grew most, and the sessions that took them most often."""
        asked = evidence.asked
        assert asked is not None
        now_V, before_V = (
            counts_of(each, len(asked.ids)) for each in (asked.candidate_NK, asked.live_NK)
        )
        expected_V = np.where(asked.known_V, before_V, _as_taken(asked, before_V))
        grown_V = growth(now_V, expected_V, alpha=self.alpha)
        grown_V[now_V < self.least * max(1, int(now_V.sum()))] = 0
        named = np.flatnonzero(grown_V > self.ratio)
        named = named[np.argsort(-grown_V[named], kind="stable")][:NAMED]
        about = "; ".join(_told(asked, code, now_V, expected_V) for code in named.tolist())
        most = float(grown_V.max(initial=0.0))
        what = "growth of an item's share, beyond chance"
        return Finding((at_most(what, most, self.ratio, about),))


def _as_taken(asked: Asked, before_V: Codes) -> Floats:
    """Return the slots that each item would have by how many sessions took it."""
    return asked.taken_V * (before_V.sum() / max(1, int(asked.taken_V.sum())))


def _told(asked: Asked, code: int, now_V: Codes, before_V: Floats) -> str:
    slots = max(1, int(now_V.sum()))
    text = f"{asked.ids[code]} {before_V[code] / slots:.2%} to {now_V[code] / slots:.2%} of slots"
    sessions = asked.pushed_by.get(code, [])[:NAMED]
    return f"{text}, taken most by {', '.join(sessions)}" if sessions else text
