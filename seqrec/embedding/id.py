"""One learned vector per item."""

import math
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from seqrec.layers.dropout import Dropout
from seqrec.layers.exchange import fetch_rows
from seqrec.layers.shard import Shard, declare, draw_normal_, rows_here
from seqrec.shapes import History


class IdEmbedding(nn.Module):
    """A table of vectors by item id.

    Args:
        n_items: items without the padding id; the table has ``V = n_items + 1`` rows.
        sparse: whether the gradient that inputs give the table is sparse.
        dim: width D.
        dropout: share of the components of an input vector set to zero while training.
        scale: multiply inputs by ``sqrt(D)`` (Vaswani et al. 2017, section 3.4). The table stays
            small, as a tied output table should be, and the encoder sees inputs of unit order.
        std: standard deviation of the initial table; null: Xavier, ``sqrt(2 / (V + D))``.
        shard: the rows that this process has of the table; None: all.
    """

    has_codes: ClassVar[bool] = False
    takes_shards: ClassVar[bool] = True

    def __init__(
        self,
        *,
        n_items: int,
        sparse: bool,
        dim: int,
        dropout: float = 0.0,
        scale: bool = True,
        std: float | None = None,
        shard: Shard | None = None,
    ) -> None:
        super().__init__()
        self.sparse, self.shard = sparse, shard
        self.weight_VD = nn.Parameter(torch.empty(rows_here(n_items + 1, shard), dim))
        declare(self, "weight_VD", shard)
        self.dropout = Dropout(dropout)
        self.scale = math.sqrt(dim) if scale else 1.0
        xavier = math.sqrt(2 / (n_items + 1 + dim))
        draw_normal_(self.weight_VD, xavier if std is None else std, shard)
        if shard is None or shard.first == 0:
            nn.init.zeros_(self.weight_VD[0])

    def forward(self, history: History) -> Tensor:
        """Return the vectors ``x_BLD`` of its items; the padding id gives zeros."""
        item_BL = history.item_BL
        if self.shard is None:
            x_BLD = F.embedding(item_BL, self.weight_VD, padding_idx=0, sparse=self.sparse)
        else:
            x_BLD = fetch_rows(item_BL, self.weight_VD, self.shard, sparse=self.sparse)
            x_BLD = x_BLD * (item_BL > 0).unsqueeze(-1)
        return self.dropout(x_BLD * self.scale)

    def table(self) -> Tensor:
        """Return ``table_VD``, or own rows of it; row 0 is the padding id."""
        return self.weight_VD
