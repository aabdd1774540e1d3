"""What queries are scored against: a table of item vectors."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

ROUNDING = 1e-6  # of |query| |item|: scores nearer than this are equal within float32


@dataclass(frozen=True)
class Catalogue:
    """What a query is scored against: ``score(q, i) = q . table[i] + bias[i]``.

    Every scorer comes down to this form, so losses, exact ranking, export and index search all
    work with every scorer.
    """

    table_VD: Tensor
    bias_V: Tensor | None = None
    sparse: bool = False  # chosen items leave the table a sparse gradient

    def vectors(self, item: Tensor) -> Tensor:
        """Rows of the table: item's shape, and D."""
        return F.embedding(item, self.table_VD, sparse=self.sparse)

    def score(self, query_ND: Tensor, item: Tensor) -> Tensor:
        """Scores in float32 of chosen items.

        Args:
            query_ND: the queries.
            item: (N,) one item a query -> (N,); (N, S) own items for each query -> (N, S);
                (S,) is not told from (N,): pass shared items to :meth:`score_shared`.
        """
        table = self.vectors(item).float()
        query = query_ND.float()
        scores = (
            (query * table).sum(-1) if item.dim() == 1 else torch.einsum("nd,nsd->ns", query, table)
        )
        return scores if self.bias_V is None else scores + self.bias_V[item].float()

    def score_shared(self, query_ND: Tensor, item_S: Tensor) -> Tensor:
        """Scores in float32 of the same items for every query: (N, S)."""
        scores = query_ND.float() @ self.vectors(item_S).float().T
        return scores if self.bias_V is None else scores + self.bias_V[item_S].float()

    def __len__(self) -> int:
        """Rows V of the table."""
        return len(self.table_VD)

    def block(self, query_ND: Tensor, first: int, last: int) -> Tensor:
        """Scores in float32 of the items ``first .. last - 1``: (N, last - first)."""
        score_NW = query_ND.float() @ self.table_VD[first:last].float().T
        return score_NW if self.bias_V is None else score_NW.add_(self.bias_V[first:last])

    def rounding(self, query_ND: Tensor, item_N: Tensor, score_N: Tensor) -> Tensor:
        """How far two sums of the same score can lie apart in float32: (N,).

        A sum and a matrix product round differently.
        """
        size_N = self.table_VD[item_N].float().norm(dim=1)
        return ROUNDING * query_ND.float().norm(dim=1) * size_N
