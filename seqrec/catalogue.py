"""The catalogue that queries are scored against: a table of item vectors."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

ROUNDING = 1e-6  # share of |query| |item| within which float32 scores count as equal


@dataclass(frozen=True)
class Catalogue:
    """A table of item vectors with ``score(q, i) = q . table[i] + bias[i]``.

    Losses, exact ranking, export and index search work with every scorer of this form.
    """

    table_VD: Tensor
    bias_V: Tensor | None = None
    sparse: bool = False  # scoring chosen items gives the table a sparse gradient

    def vectors(self, item: Tensor) -> Tensor:
        """Return rows of the table, in the shape of `item` with D appended."""
        return F.embedding(item, self.table_VD, sparse=self.sparse)

    def biases(self, item: Tensor) -> Tensor | None:
        """Return the float32 biases of items, in their shape; None: there are none."""
        return None if self.bias_V is None else self.bias_V[item].float()

    def score(self, query_ND: Tensor, item: Tensor) -> Tensor:
        """Return float32 scores of chosen items.

        Args:
            query_ND: the queries.
            item: (N,), one per query -> (N,); (N, S), S per query -> (N, S). Items shared by all
                queries, (S,), look like (N,): pass them to :meth:`score_shared`.
        """
        table = self.vectors(item).float()
        query = query_ND.float()
        scores = (
            (query * table).sum(-1) if item.dim() == 1 else torch.einsum("nd,nsd->ns", query, table)
        )
        bias = self.biases(item)
        return scores if bias is None else scores + bias

    def score_shared(self, query_ND: Tensor, item_S: Tensor) -> Tensor:
        """Return float32 scores of the same items for every query: (N, S)."""
        scores = query_ND.float() @ self.vectors(item_S).float().T
        bias = self.biases(item_S)
        return scores if bias is None else scores + bias

    def __len__(self) -> int:
        """Return the number of rows V."""
        return len(self.table_VD)

    def block(self, query_ND: Tensor, first: int, last: int) -> Tensor:
        """Return float32 scores of the items ``first .. last - 1``: (N, last - first)."""
        score_NW = query_ND.float() @ self.table_VD[first:last].float().T
        return score_NW if self.bias_V is None else score_NW.add_(self.bias_V[first:last])

    def rounding(self, query_ND: Tensor, item_N: Tensor, score_N: Tensor) -> Tensor:
        """Return how much two float32 computations of the same score can differ: (N,).

        A sum and a matrix product round differently.
        """
        size_N = self.vectors(item_N).float().norm(dim=1)
        return ROUNDING * query_ND.float().norm(dim=1) * size_N
