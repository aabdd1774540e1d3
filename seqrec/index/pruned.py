"""Search through a few columns of the table, and through the rows that these can't rule out."""

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from seqrec.index._bounded import Blocks, Bounded
from seqrec.index._tables import Floats, Tables
from seqrec.index._wanted import Found, Wanted

WIDTH = 16384  # items in a block: their bounds stay in a cache
ROUNDING = 1e-5  # share of |query| |item| by which two roundings of a score may differ


class Pruned:
    """Bounds scores by a few columns of the table, and scores what these can't rule out.

    The table is turned to its principal axes, in which the first `leading` columns hold most of its
    vectors. With the length of what is left of an item, they bound its score (Cauchy-Schwarz):

        ``q . v <= q_lead . v_lead + |q_rest| |v_rest|``

    which is one product with a table of few columns, as in FEXIPRO (Li, Chan, Yiu and Mamoulis
    2017, "FEXIPRO: fast and exact inner product retrieval in recommender systems", SIGMOD). The
    lists are exact, as those of RecJPQPrune, which bounds scores by codes (Petrov, Macdonald and
    Tonellotto 2024). How much is pruned depends on the table: vectors that point in
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

    def __init__(self, *, tables: Tables, leading: int = 24) -> None:
        self.tables, self.bounded = tables, Bounded(tables, self.blocks)
        item_VD = np.nan_to_num(np.asarray(tables.item_VD), posinf=0, neginf=0)
        axis_DD = np.linalg.eigh(item_VD.T @ item_VD)[1][:, ::-1]
        self.lead = min(leading, item_VD.shape[1])
        self.axis_DD = np.ascontiguousarray(axis_DD, np.float32)
        self.bound_VE = self._bounds(item_VD)

    def search(self, query_BD: Floats, wanted: Sequence[Wanted]) -> list[Found]:
        """Return the best items for each query; see :class:`~seqrec.index.Index`."""
        return self.bounded.search(query_BD, wanted)

    def blocks(self, query_BD: Floats) -> Blocks:
        """Yield the bounds of each block of items, in a row for each query."""
        asked_BE = self._asked(query_BD)
        for first in range(0, len(self.tables), WIDTH):
            yield first, asked_BE @ self.bound_VE[first : first + WIDTH].T

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
        turned_BD = query_BD.astype(np.float64) @ self.axis_DD  # squares of float32 can vanish
        size_B = np.linalg.norm(turned_BD, axis=1)
        rest_B = np.linalg.norm(turned_BD[:, self.lead :], axis=1) + ROUNDING * size_B
        columns = [turned_BD[:, : self.lead], rest_B, size_B, np.ones_like(size_B)]
        return np.column_stack(columns).astype(np.float32)
