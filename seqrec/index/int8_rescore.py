"""Search through the table of bytes, and through the float32 rows that it can't rule out."""

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from seqrec.index._bounded import Blocks, Bounded
from seqrec.index._bytes import ZERO, Products
from seqrec.index._tables import Floats, Tables
from seqrec.index._wanted import Found, Wanted

WIDTH = 65536  # items in a block: the bounds of a query stay in a cache
STEPS = ZERO - 1  # of a query's bytes, to each side of 0
LEVELS = 127  # of an item's
ROUNDING = 1.01  # float32's own, beside which the bytes' is a hundred times as large


class Int8Rescore:
    """Bounds every item's score by bytes, and scores by float32 what may still be in the list.

    An item is ``v = s c + r`` with bytes c, a scale s of its own and ``|r_d| <= s / 2``; a query
    ``q = t b + p`` with bytes b and a step t. So ``q . v <= s (t b . c + 127 |p|_1 + |q|_1 / 2)``,
    and the product ``b . c`` is one of integers. It reads a quarter of the bytes of an exact
    search, and its lists are the same: of a million items, some hundred are scored by float32.

    Each worker keeps copies of its own of the table of bytes, of two to three times its size.

    Args:
        tables: what items are scored with; ``code_VD`` and ``scale_V`` too.
    """

    exact: ClassVar[bool] = True
    needs: ClassVar[tuple[str, ...]] = ("code_VD", "scale_V")

    def __init__(self, *, tables: Tables) -> None:
        self.bounded = Bounded(tables, self.blocks)
        assert tables.code_VD is not None and tables.scale_V is not None
        self.scale_V, self.bias_V = tables.scale_V, tables.bias_V
        self.products = [
            Products(tables.code_VD[first : first + WIDTH])
            for first in range(0, len(tables), WIDTH)
        ]

    def search(self, query_BD: Floats, wanted: Sequence[Wanted]) -> list[Found]:
        """Return the best items for each query; see :class:`~seqrec.index.Index`."""
        return self.bounded.search(query_BD, wanted)

    def blocks(self, query_BD: Floats) -> Blocks:
        """Yield the bounds of each block of items, in a row for each query."""
        byte_BD, step_B, slack_B = in_bytes(query_BD)
        for block, products in enumerate(self.products):
            first = block * WIDTH
            rows = zip(products(byte_BD), step_B, slack_B, strict=True)
            yield first, (self._bound(*row, first) for row in rows)

    def _bound(
        self, product_W: NDArray[np.int32], step: np.float32, slack: np.float32, first: int
    ) -> Floats:
        """Return the bounds of a block for one query, whose numbers stay in a cache."""
        items = slice(first, first + WIDTH)
        bound_W = product_W.astype(np.float32)
        bound_W += slack
        bound_W *= self.scale_V[items]
        bound_W *= step
        if self.bias_V is not None:
            bound_W += self.bias_V[items]
        return bound_W


def in_bytes(query_BD: Floats) -> tuple[NDArray[np.uint8], Floats, Floats]:
    """Return the bytes of queries, their steps, and how many steps a product may be off."""
    step_B = np.abs(query_BD).max(1) / np.float32(STEPS)
    step_B[step_B == 0] = 1
    steps_BD = query_BD / step_B[:, None]
    byte_BD = np.rint(steps_BD)
    slack_B = LEVELS * np.abs(steps_BD - byte_BD).sum(1) + np.abs(steps_BD).sum(1) / 2
    return (byte_BD + ZERO).astype(np.uint8), step_B, slack_B * np.float32(ROUNDING)
