"""Cosine similarity with temperature (Luo et al. 2018; Hou et al. 2022, CORE)."""

from typing import ClassVar

import torch.nn.functional as F
from torch import Tensor, nn

from seqrec.catalogue import Catalogue
from seqrec.layers.dropout import Dropout


class Cosine(nn.Module):
    """``score(u, i) = cos(u, E_i) / temperature``: popular items gain nothing from long vectors.

    Args:
        temperature: smaller is sharper; scores are in ``[-1/temperature, 1/temperature]``.
        dropout: rate, on the item table while training (CORE uses 0.2).
    """

    has_tied_scores: ClassVar[bool] = False
    takes_shards: ClassVar[bool] = True

    def __init__(self, *, temperature: float = 0.07, dropout: float = 0.0) -> None:
        super().__init__()
        if temperature <= 0:
            raise ValueError(f"scorer.temperature={temperature} must be positive")
        self.temperature = temperature
        self.dropout = Dropout(dropout)

    def forward(self, u_ND: Tensor) -> Tensor:
        """Map ``u_ND -> query_ND`` of length ``1 / temperature``."""
        return F.normalize(u_ND, dim=-1) / self.temperature

    def catalogue(self, table_VD: Tensor) -> Catalogue:
        """Return the item table with rows of unit length."""
        return Catalogue(F.normalize(self.dropout(table_VD), dim=-1))
