"""Search by bounds: what can't be in the list is never scored."""

from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from seqrec.index._scan import Best, reached, split
from seqrec.index._tables import Floats, Tables
from seqrec.index._wanted import Found, Wanted

Places = NDArray[np.int64]
Blocks = Iterator[tuple[int, Iterable[Floats]]]

FIRST = 64  # items of a block whose scores say at once what the others have to be above
DENSE = 0.1  # share of a block that is scored with all of it


class Bounded:
    """Scores the items that may still be in the list, by bounds of all scores.

    An item whose bound isn't above the worst score of the list so far is never scored, and no other
    is missed, so the lists are exact: safe dynamic pruning (Turtle and Flood 1995, "Query
    evaluation: strategies and optimizations", Information Processing & Management 31).

    Args:
        tables: what items are scored with.
        blocks: of queries, yields ``(first, [bound_W])`` for each block of W items, with a row of
            bounds for each query. No score is above its bound; if a score is no number, its bound
            may be anything.
    """

    def __init__(self, tables: Tables, blocks: Callable[[Floats], Blocks]) -> None:
        self.tables, self.blocks = tables, blocks
        self.scored = 0  # items whose exact score was needed, of all searches so far

    def search(self, query_BD: Floats, wanted: Sequence[Wanted]) -> list[Found]:
        """Return the best items for each query; see :class:`~seqrec.index.Index`."""
        return split(self.tables, query_BD, wanted, self._through_bounds)

    def _through_bounds(self, query_BD: Floats, wanted: Sequence[Wanted]) -> list[Found]:
        best = [Best(each, each.k) for each in wanted]
        for first, bounds in self.blocks(query_BD):
            for kept, query_D, bound_W in zip(best, query_BD, bounds, strict=True):
                self._look(kept, query_D, bound_W, first)
        return [kept.found(each.k) for kept, each in zip(best, wanted, strict=True)]

    def _look(self, kept: Best, query_D: Floats, bound_W: Floats, first: int) -> None:
        """Score the items of a block that may be in the list."""
        least = kept.least
        if least == -np.inf and len(bound_W) > 2 * (FIRST + kept.depth):
            least = self._floor(kept, query_D, bound_W, first)
        open_N = (bound_W >= least).nonzero()[0]
        if len(open_N) > DENSE * len(bound_W):  # one product of the block costs less than its rows
            self.scored += len(bound_W)
            kept.take(self.tables.scores(query_D[None], first, first + len(bound_W))[0], first)
            return
        item_N, score_N = self._scored(kept, query_D, open_N + first)
        above = score_N > kept.least  # neither is NaN
        if above.any():
            kept.add(item_N[above], score_N[above])

    def _floor(self, kept: Best, query_D: Floats, bound_W: Floats, first: int) -> np.float32:
        """Return a score that the list reaches, by the most promising items of a block."""
        top = (bound_W >= reached(bound_W, FIRST + kept.depth)).nonzero()[0] + first
        score_N = self._scored(kept, query_D, top)[1]
        score_N = score_N[~np.isnan(score_N)]
        return np.float32(-np.inf) if len(score_N) < kept.depth else np.sort(score_N)[-kept.depth]

    def _scored(self, kept: Best, query_D: Floats, item_N: Places) -> tuple[Places, Floats]:
        """Return those of some items that may be found, and their exact scores."""
        allowed_N = kept.wanted.allowed.mask_V[item_N]
        without = kept.wanted.without
        if len(without):
            place_N = without.searchsorted(item_N)
            allowed_N &= without.take(place_N, mode="clip") != item_N
        item_N = item_N[allowed_N]
        self.scored += len(item_N)
        return item_N, self.tables.scores_of(query_D, item_N)
