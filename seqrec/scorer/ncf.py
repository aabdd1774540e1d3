"""Neural collaborative filtering: a learned function of query and item in place of a product."""

from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar

import torch
from torch import Tensor, nn

from seqrec.dropout import Dropout
from seqrec.types import ROUNDING

BYTES = 64 * 2**20  # of one hidden layer that are held at once


class NCF(nn.Module):
    """NeuMF (He et al. 2017, equation 12): ``h . [p ⊙ q; MLP([p'; q'])]``.

    The first half of a query and of an item's vector is multiplied (GMF), the second halves go
    through the layers side by side (MLP). With ``embedding=user`` this is the paper's model; any
    encoder's summary can be scored like this.

    As no product of vectors gives these scores, a loss that needs the items' vectors is refused.

    Args:
        dim: width D, even.
        hidden: widths of the layers, ReLU after each.
        dropout: after each layer.
    """

    has_vectors: ClassVar[bool] = False

    def __init__(self, *, dim: int, hidden: list[int], dropout: float = 0.0) -> None:
        super().__init__()
        if dim % 2 or not hidden:
            raise ValueError(
                f"scorer=ncf needs an even dim and at least one hidden layer: dim={dim}, "
                f"scorer.hidden={hidden}"
            )
        half, self.widest = dim // 2, max(hidden)
        self.user = nn.Linear(half, hidden[0])  # the first layer, cut in two
        self.item = nn.Linear(half, hidden[0], bias=False)
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(hidden))
        self.gmf_D = nn.Parameter(torch.ones(half))
        self.out_H = nn.Parameter(torch.randn(hidden[-1]) / hidden[-1] ** 0.5)
        self.dropout = Dropout(dropout)

    def forward(self, u_ND: Tensor) -> Tensor:
        """``u_ND -> query_ND``: unchanged."""
        return u_ND

    def catalogue(self, table_VD: Tensor) -> "Matched":
        """The item table and the layers."""
        return Matched(table_VD, self)


@dataclass(frozen=True)
class Matched:
    """A catalogue whose scores are computed by the layers of :class:`NCF`, in float32."""

    table_VD: Tensor
    net: NCF

    def __len__(self) -> int:
        return len(self.table_VD)

    def score(self, query_ND: Tensor, item: Tensor) -> Tensor:
        """Scores of one item a query, (N,) -> (N,), or of S own ones each, (N, S) -> (N, S)."""
        query = query_ND if item.dim() == 1 else query_ND[:, None]
        return self._scores(query, self.table_VD[item])

    def score_shared(self, query_ND: Tensor, item_S: Tensor) -> Tensor:
        """Scores of the same items for every query: (N, S)."""
        return self._scores(query_ND[:, None], self.table_VD[item_S])

    def block(self, query_ND: Tensor, first: int, last: int) -> Tensor:
        """Scores of the items ``first .. last - 1``: (N, last - first)."""
        step = max(1, BYTES // (4 * self.net.widest * max(1, len(query_ND))))
        parts = [
            self._scores(query_ND[:, None], self.table_VD[at : min(at + step, last)])
            for at in range(first, last, step)
        ]
        return torch.cat(parts, dim=1)

    def rounding(self, query_ND: Tensor, item_N: Tensor, score_N: Tensor) -> Tensor:
        """How far two computations of the same score can lie apart: (N,).

        Every layer rounds what it adds up: the sums of the absolute values tell how much.
        """
        product_N, hidden_N = self._terms(query_ND, self.table_VD[item_N], size=True)
        return ROUNDING * (2 + len(self.net.layers)) * (product_N + hidden_N)

    def _scores(self, query: Tensor, item: Tensor) -> Tensor:
        product, hidden = self._terms(query, item)
        return product + hidden

    def _terms(self, query: Tensor, item: Tensor, *, size: bool = False) -> tuple[Tensor, Tensor]:
        """Both sums of the score, or of their absolute values."""
        net, query, item = self.net, query.float(), item.float()
        half = query.shape[-1] // 2
        product = query[..., :half] * item[..., :half] * net.gmf_D
        h = net.dropout((net.user(query[..., half:]) + net.item(item[..., half:])).relu())
        for layer in net.layers:
            h = net.dropout(layer(h).relu())
        h = h * net.out_H
        return (product.abs().sum(-1), h.abs().sum(-1)) if size else (product.sum(-1), h.sum(-1))
