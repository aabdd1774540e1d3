"""The arrays that items are scored with: ``score(q, i) = q . items[i] + bias[i]``."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Tables:
    """The item table of an exported model, and its smaller form.

    Args:
        item_VD: float32, row 0 the padding.
        bias_V: float32, or None.
        code_VD: int8, the rows of `item_VD` divided by their scales and rounded, or None.
        scale_V: float32, the scale of each row of `code_VD`, or None.
    """

    item_VD: Floats
    bias_V: Floats | None = None
    code_VD: NDArray[np.int8] | None = None
    scale_V: Floats | None = None

    def __len__(self) -> int:
        """Return the number of rows V, with the padding."""
        return len(self.item_VD)

    def scores(self, query_BD: Floats, first: int, last: int) -> Floats:
        """Return the scores of the items ``first .. last - 1``: (B, last - first)."""
        item_WD = self.item_VD[first:last]
        alone = len(query_BD) == 1  # a product with a vector reads the table as it lies
        score_BW = (item_WD @ query_BD[0])[None] if alone else query_BD @ item_WD.T
        return self._with_bias(score_BW, slice(first, last))

    def scores_of(self, query_D: Floats, item_N: NDArray[np.int64]) -> Floats:
        """Return one query's scores of chosen items: (N,)."""
        return self._with_bias(self.item_VD[item_N] @ query_D, item_N)

    def _with_bias(self, score: Floats, items: slice | NDArray[np.int64]) -> Floats:
        if self.bias_V is not None:
            score += self.bias_V[items]
        return score
