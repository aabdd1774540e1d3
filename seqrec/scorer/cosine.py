"""Cosine similarity with temperature (Luo et al. 2018; Hou et al. 2022, CORE)."""

import torch.nn.functional as F
from torch import Tensor, nn

from seqrec.catalogue import Catalogue
from seqrec.layers.dropout import Dropout


class Cosine(nn.Module):
    """``score(u, i) = cos(u, E_i) / temperature``: popular items can't win by a long vector.

    Args:
        temperature: smaller is sharper; scores lie in ``[-1/temperature, 1/temperature]``.
        dropout: on the item table while training (CORE uses 0.2).
    """

    def __init__(self, *, temperature: float = 0.07, dropout: float = 0.0) -> None:
        super().__init__()
        if temperature <= 0:
            raise ValueError(f"scorer.temperature={temperature} must be positive")
        self.temperature = temperature
        self.dropout = Dropout(dropout)

    def forward(self, u_ND: Tensor) -> Tensor:
        """``u_ND -> query_ND`` of length ``1 / temperature``."""
        return F.normalize(u_ND, dim=-1) / self.temperature

    def catalogue(self, table_VD: Tensor) -> Catalogue:
        """The item table with rows of length one."""
        return Catalogue(F.normalize(self.dropout(table_VD), dim=-1))
