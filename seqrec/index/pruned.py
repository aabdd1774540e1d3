"""Search through a few columns of the table, and through the rows that these can't rule out."""

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from seqrec.index._scan import Best, split
from seqrec.index._tables import Floats, Tables
from seqrec.index._wanted import Found, Wanted

Places = NDArray[np.int64]

WIDTH = 16384  # items in a block: their bounds stay in a cache
FIRST = 64  # items of a block whose scores say at once what the others have to be above
DENSE = 0.1  # share of a block that is scored with all of it
ROUNDING = 1e-5  # share of |query| |item| by which two roundings of a score may differ


class Pruned:
    """Bounds every item's score from above, and scores those that may still be in the list.

    The table is turned to its principal axes, in which the first `leading` columns hold most of its
    vectors. With the length of what is left of an item, they bound its score (Cauchy-Schwarz):

        ``q . v <= q_lead . v_lead + |q_rest| |v_rest|``

    which is one product with a table of few columns, as in FEXIPRO (Li, Chan, Yiu and Mamoulis
    2017, "FEXIPRO: fast and exact inner product retrieval in recommender systems", SIGMOD). An item
    whose bound isn't above the worst score of the list so far is never scored, and no other is
    missed, so the lists are exact: safe dynamic pruning, as RecJPQPrune does it over codes (Petrov,
    Macdonald and Tonellotto 2024). How much is pruned depends on the table: vectors that point in
    all directions alike can't be bounded by few columns, and are scored in whole blocks, which
    takes longer than an exact search.

    Making it takes a product of the table with itself, and memory for the leading columns.

    Args:
        tables: what items are scored with.
        leading: columns that bound the scores; as many as there are: all of them.
    """

    exact: ClassVar[bool] = True
    needs: ClassVar[tuple[str, ...]] = ()
    bounds: ClassVar[dict[str, tuple[int, float]]] = {"leading": (1, 1_000_000)}

    def __init__(self, *, tables: Tables, leading: int = 20) -> None:
        self.tables = tables
        item_VD = np.nan_to_num(np.asarray(tables.item_VD), posinf=0, neginf=0)
        axis_DD = np.linalg.eigh(item_VD.T @ item_VD)[1][:, ::-1]
        self.lead = min(leading, item_VD.shape[1])
        self.axis_DD = np.ascontiguousarray(axis_DD, np.float32)
        self.bound_VE = self._bounds(item_VD)
        self.scored = 0  # items whose exact score was needed, of all searches so far

    def search(self, query_BD: Floats, wanted: Sequence[Wanted]) -> list[Found]:
        """Return the best items for each query; see :class:`~seqrec.index.Index`."""
        return split(self.tables, query_BD, wanted, self._through_bounds)

    def _bounds(self, item_VD: Floats) -> Floats:
        """Return the columns whose product with :meth:`_asked` bounds the scores."""
        lead_VE = item_VD @ self.axis_DD[:, : self.lead]
        size_V = np.linalg.norm(item_VD, axis=1)
        rest_V = np.sqrt(np.maximum(size_V**2 - (lead_VE**2).sum(1), 0)) + ROUNDING * size_V
        bias_V = 0 * size_V if self.tables.bias_V is None else self.tables.bias_V
        bad_V = ~np.isfinite(self.tables.item_VD).all(1)  # no score of theirs is a number
        return np.column_stack(
            [lead_VE, rest_V, ROUNDING * size_V, np.where(bad_V, -np.inf, bias_V)]
        ).astype(np.float32)

    def _asked(self, query_BD: Floats) -> Floats:
        """Return the queries in the columns of the bounds."""
        turned_BD = query_BD @ self.axis_DD
        size_B = np.linalg.norm(query_BD, axis=1)
        rest_B = np.linalg.norm(turned_BD[:, self.lead :], axis=1) + ROUNDING * size_B
        columns = [turned_BD[:, : self.lead], rest_B, size_B, np.ones_like(size_B)]
        return np.column_stack(columns).astype(np.float32)

    def _through_bounds(self, query_BD: Floats, wanted: Sequence[Wanted]) -> list[Found]:
        best, asked_BE = [Best(each, each.k) for each in wanted], self._asked(query_BD)
        for first in range(0, len(self.tables), WIDTH):
            bound_BW = asked_BE @ self.bound_VE[first : first + WIDTH].T
            for kept, query_D, bound_W in zip(best, query_BD, bound_BW, strict=True):
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
        most = FIRST + kept.depth
        top = np.argpartition(bound_W, -most)[-most:] + first
        score_N = self._scored(kept, query_D, top)[1]
        score_N = score_N[~np.isnan(score_N)]
        return np.float32(-np.inf) if len(score_N) < kept.depth else np.sort(score_N)[-kept.depth]

    def _scored(self, kept: Best, query_D: Floats, item_N: Places) -> tuple[Places, Floats]:
        """Return those of some items that may be found, and their exact scores."""
        item_N = item_N[kept.wanted.allowed.mask_V[item_N]]
        if len(kept.wanted.without):
            item_N = item_N[~np.isin(item_N, kept.wanted.without)]
        self.scored += len(item_N)
        return item_N, self.tables.scores_of(query_D, item_N)
