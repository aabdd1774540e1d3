"""Neural collaborative filtering: a learned function of query and item instead of a dot product."""

from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from seqrec.catalogue import ROUNDING
from seqrec.layers.dropout import Dropout

BYTES = 2**20  # of one hidden layer held at once, to fit a CPU cache


class NCF(nn.Module):
    """NeuMF (He et al. 2017, equation 12): ``h . [p ⊙ q; MLP([p'; q'])]``.

    The first halves of query and item vector are multiplied (GMF); the second halves, concatenated,
    go through the layers (MLP). With ``embedding=user`` this is the paper's model, but any
    encoder's summary can be scored.

    These scores aren't dot products, so losses that need item vectors are refused.

    Args:
        dim: width D, even.
        hidden: widths of the layers; ReLU follows each.
        dropout: rate, after each layer.
    """

    has_vectors: ClassVar[bool] = False
    has_tied_scores: ClassVar[bool] = False

    def __init__(self, *, dim: int, hidden: list[int], dropout: float = 0.0) -> None:
        super().__init__()
        if dim % 2 or not hidden:
            raise ValueError(
                f"scorer=ncf needs an even dim and at least one hidden layer: dim={dim}, "
                f"scorer.hidden={hidden}"
            )
        half, self.widest = dim // 2, max(hidden)
        self.user = nn.Linear(half, hidden[0])  # the first layer, split in two
        self.item = nn.Linear(half, hidden[0], bias=False)
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(hidden))
        self.gmf_D = nn.Parameter(torch.ones(half))
        self.out_H = nn.Parameter(torch.randn(hidden[-1]) / hidden[-1] ** 0.5)
        self.dropout = Dropout(dropout)

    def forward(self, u_ND: Tensor) -> Tensor:
        """Map ``u_ND -> query_ND``: unchanged."""
        return u_ND

    def catalogue(self, table_VD: Tensor) -> "Matched":
        """Return the item table and the layers."""
        return Matched(table_VD, self)


@dataclass(frozen=True)
class Matched:
    """A catalogue whose scores are computed by the layers of :class:`NCF`, in float32."""

    table_VD: Tensor
    net: NCF

    def __len__(self) -> int:
        return len(self.table_VD)

    def score(self, query_ND: Tensor, item: Tensor) -> Tensor:
        """Return scores of one item per query, (N,) -> (N,), or of S each, (N, S) -> (N, S)."""
        query = query_ND if item.dim() == 1 else query_ND[:, None]
        product, user = self._halves(query)
        if item.numel() < len(self):
            gmf, mlp = self._items(self.table_VD[item])
        else:  # compute the first layer once per item, however often it is drawn
            gmf, mlp = (F.embedding(item, half_VD) for half_VD in self._items(self.table_VD))
        return (product * gmf).sum(-1) + self._deep(user + mlp)

    def score_shared(self, query_ND: Tensor, item_S: Tensor) -> Tensor:
        """Return scores of the same items for every query: (N, S)."""
        return self._all(query_ND, *self._items(self.table_VD[item_S]))

    def block(self, query_ND: Tensor, first: int, last: int) -> Tensor:
        """Return scores of the items ``first .. last - 1``: (N, last - first)."""
        pairs = max(1, BYTES // (4 * self.net.widest))
        columns = []
        for table_SD in self.table_VD[first:last].split(pairs):
            items, rows = self._items(table_SD), max(1, pairs // len(table_SD))
            columns.append(torch.cat([self._all(part, *items) for part in query_ND.split(rows)]))
        return torch.cat(columns, dim=1)

    def rounding(self, query_ND: Tensor, item_N: Tensor, score_N: Tensor) -> Tensor:
        """Return how much two computations of the same score can differ: (N,).

        Every layer rounds its sums, in proportion to the sums of the absolute values.
        """
        product_ND, user_NH = self._halves(query_ND)
        gmf_ND, mlp_NH = self._items(self.table_VD[item_N])
        hidden_NH = self._hidden(user_NH + mlp_NH) * self.net.out_H
        size_N = (product_ND * gmf_ND).abs().sum(-1) + hidden_NH.abs().sum(-1)
        return ROUNDING * (2 + len(self.net.layers)) * size_N

    def _halves(self, query: Tensor) -> tuple[Tensor, Tensor]:
        """Return the queries' side of the product and of the first layer."""
        gmf, mlp = query.float().chunk(2, dim=-1)
        return gmf * self.net.gmf_D, self.net.user(mlp)

    def _items(self, table: Tensor) -> tuple[Tensor, Tensor]:
        """Return the items' side of both."""
        gmf, mlp = table.float().chunk(2, dim=-1)
        return gmf, self.net.item(mlp)

    def _all(self, query_ND: Tensor, gmf_SD: Tensor, mlp_SH: Tensor) -> Tensor:
        """Return scores of every pair: (N, S)."""
        product_ND, user_NH = self._halves(query_ND)
        return product_ND @ gmf_SD.T + self._deep(user_NH[:, None] + mlp_SH)

    def _deep(self, h: Tensor) -> Tensor:
        return self._hidden(h) @ self.net.out_H

    def _hidden(self, h: Tensor) -> Tensor:
        """Run the layers on the first one's sum, which is overwritten."""
        h = self.net.dropout(h.relu_())
        for layer in self.net.layers:
            h = self.net.dropout(layer(h).relu_())
        return h
