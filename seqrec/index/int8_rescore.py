"""Search through the table of bytes, and score the best again, exactly."""

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from seqrec.index._scan import among, scan, split
from seqrec.index._tables import Floats, Tables
from seqrec.index._wanted import Found, Wanted

ROWS = 8192  # that are numbers at once: 2 MiB of 64 columns, which stays in a cache


class Int8Rescore:
    """Scores every item by its int8 row, then the best `depth` by their float32 rows.

    It reads a quarter of the bytes of an exact search. The scores are exact, and so are the lists
    unless an item of the list is rounded to below `depth` others.

    Args:
        tables: what items are scored with; ``code_VD`` and ``scale_V`` too.
        depth: items of each query that are scored again, at least as many as are asked for.
    """

    exact: ClassVar[bool] = False
    needs: ClassVar[tuple[str, ...]] = ("code_VD", "scale_V")
    bounds: ClassVar[dict[str, tuple[int, float]]] = {"depth": (1, 1_000_000_000)}

    def __init__(self, *, tables: Tables, depth: int = 200) -> None:
        self.tables, self.depth = tables, depth
        self._block_WD = np.empty((ROWS, tables.item_VD.shape[1]), np.float32)

    def search(self, query_BD: Floats, wanted: Sequence[Wanted]) -> list[Found]:
        """Return the best items for each query; see :class:`~seqrec.index.Index`."""
        return split(self.tables, query_BD, wanted, self._through_all)

    def _through_all(self, query_BD: Floats, wanted: Sequence[Wanted]) -> list[Found]:
        best = scan(
            self._scores,
            query_BD,
            wanted,
            size=len(self.tables),
            depth=lambda each: max(self.depth, each.k),
        )
        rows = zip(best, query_BD, wanted, strict=True)
        return [among(self.tables, query_D, kept.item, each) for kept, query_D, each in rows]

    def _scores(self, query_BD: Floats, first: int, last: int) -> Floats:
        """Score a block by its bytes, which become numbers in a buffer that stays in the cache."""
        tables = self.tables
        assert tables.code_VD is not None and tables.scale_V is not None
        score_BW = np.empty((len(query_BD), last - first), np.float32)
        for at in range(0, last - first, ROWS):
            code_WD = tables.code_VD[first + at : min(last, first + at + ROWS)]
            block_WD = self._block_WD[: len(code_WD)]
            np.copyto(block_WD, code_WD)
            np.matmul(query_BD, block_WD.T, out=score_BW[:, at : at + len(code_WD)])
        score_BW *= tables.scale_V[first:last]
        if tables.bias_V is not None:
            score_BW += tables.bias_V[first:last]
        return score_BW
