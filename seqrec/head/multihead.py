"""Multi-head attention with the current state as query (Vaswani et al. 2017, section 3.2)."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from seqrec.layers.join import Join
from seqrec.layers.read_out import prefix_softmax, weighted_sum
from seqrec.shapes import at_position


class Multihead(nn.Module):
    """Several learned projections of the prefix, each with its own attention weights.

    Args:
        dim: width D, a multiple of `heads`.
        heads: number of attention heads.
        concat: join the summary with ``h_t`` (see :class:`~seqrec.layers.join.Join`).
    """

    def __init__(self, *, dim: int, heads: int = 4, concat: bool = True) -> None:
        super().__init__()
        if heads < 1 or dim % heads:
            raise ValueError(f"head.heads={heads} must divide dim={dim}")
        self.heads, self.width = heads, dim // heads
        self.qkv = nn.Linear(dim, 3 * dim)
        self.out = nn.Linear(dim, dim)
        self.join = Join(dim=dim, concat=concat)

    def forward(self, h_BLD: Tensor) -> Tensor:
        """Map ``h_BLD -> u_BLD``."""
        q, k, v = self._project(h_BLD)
        y_BHLE = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.join(h_BLD, self.out(y_BHLE.transpose(1, 2).flatten(2)))

    def at(self, h_BLD: Tensor, position_B: Tensor) -> Tensor:
        """Return ``u_BD`` with the state at each position as query."""
        q, k, v = self._project(h_BLD)
        y_BHE = weighted_sum(self._weights(q, k, position_B), v)
        return self.join(at_position(h_BLD, position_B), self.out(y_BHE.flatten(1)))

    def weights(self, h_BLD: Tensor, position_B: Tensor) -> Tensor:
        """Return ``alpha_BL`` with the state at each position as query, averaged over heads."""
        return self.head_weights(h_BLD, position_B).mean(dim=1)

    def head_weights(self, h_BLD: Tensor, position_B: Tensor) -> Tensor:
        """Return ``alpha_BHL``, by head, with the state at each position as query."""
        q, k, _ = self._project(h_BLD)
        return self._weights(q, k, position_B)

    def _weights(self, q_BHLE: Tensor, k_BHLE: Tensor, position_B: Tensor) -> Tensor:
        q_BD = at_position(q_BHLE.transpose(1, 2).flatten(2), position_B)
        q_BHE = q_BD.unflatten(-1, (self.heads, self.width))
        e_BHL = torch.einsum("bhe,bhle->bhl", q_BHE, k_BHLE).float() / math.sqrt(self.width)
        return prefix_softmax(e_BHL, position_B)

    def _project(self, h_BLD: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        qkv_BL3HE = self.qkv(h_BLD).unflatten(-1, (3, self.heads, self.width))
        q, k, v = qkv_BL3HE.permute(2, 0, 3, 1, 4)
        return q, k, v
