"""A deep classifier over the catalogue, with its own output table."""

import math
from itertools import pairwise
from typing import ClassVar

import torch
from torch import Tensor, nn

from seqrec.catalogue import Catalogue
from seqrec.layers.dropout import Dropout
from seqrec.layers.shard import Shard, declare, draw_normal_, rows_here


class MLP(nn.Module):
    """``score(u, i) = w_i . f(u) + b_i``, where f stacks linear layers, GELU and dropout.

    Args:
        n_items: items without the padding id.
        sparse: scoring chosen items gives the table a sparse gradient.
        dim: width D of the input and the last hidden layer.
        hidden: widths of the layers in between.
        dropout: rate, after each hidden layer.
        shard: the rows that this process has of the table; None: all.
    """

    has_tied_scores: ClassVar[bool] = False
    takes_shards: ClassVar[bool] = True

    def __init__(
        self,
        *,
        n_items: int,
        sparse: bool,
        dim: int,
        hidden: list[int] | None = None,
        dropout: float = 0.0,
        shard: Shard | None = None,
    ) -> None:
        super().__init__()
        self.sparse = sparse
        widths = [dim, *(hidden or []), dim]
        self.layers = nn.Sequential()
        for i, (before, after) in enumerate(pairwise(widths)):
            self.layers.append(nn.Linear(before, after))
            if i < len(widths) - 2:
                self.layers.extend([nn.GELU(), Dropout(dropout)])
        rows = rows_here(n_items + 1, shard)
        self.weight_VD = nn.Parameter(torch.empty(rows, dim))
        self.bias_V = nn.Parameter(torch.zeros(rows))
        declare(self, "weight_VD", shard)
        declare(self, "bias_V", shard)
        draw_normal_(self.weight_VD, math.sqrt(2 / (n_items + 1 + dim)), shard)

    def forward(self, u_ND: Tensor) -> Tensor:
        """Map ``u_ND -> query_ND``."""
        return self.layers(u_ND)

    def catalogue(self, table_VD: Tensor) -> Catalogue:
        """Return the classifier's own table; the embedding's isn't used."""
        return Catalogue(self.weight_VD, self.bias_V, self.sparse)
