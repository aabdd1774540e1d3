"""Dot product with the input item table (Press and Wolf 2017)."""

from typing import ClassVar

import torch
from torch import Tensor, nn

from seqrec.catalogue import Catalogue
from seqrec.layers.shard import Shard, declare, rows_here


class Tied(nn.Module):
    """``score(u, i) = u . E_i + b_i``, where E is the table that embeds the inputs.

    Args:
        n_items: items without the padding id.
        sparse: scoring chosen items gives the table a sparse gradient.
        bias: learn a bias per item.
        shard: the rows that this process has of the table; None: all.
    """

    takes_shards: ClassVar[bool] = True

    def __init__(
        self, *, n_items: int, sparse: bool, bias: bool = False, shard: Shard | None = None
    ) -> None:
        super().__init__()
        self.sparse = sparse
        self.bias_V = nn.Parameter(torch.zeros(rows_here(n_items + 1, shard))) if bias else None
        declare(self, "bias_V", shard if bias else None)

    def forward(self, u_ND: Tensor) -> Tensor:
        """Map ``u_ND -> query_ND``: unchanged."""
        return u_ND

    def catalogue(self, table_VD: Tensor) -> Catalogue:
        """Return the item table itself."""
        return Catalogue(table_VD, self.bias_V, self.sparse)
