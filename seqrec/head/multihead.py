"""Multi-head attention with the current state as query (Vaswani et al. 2017, section 3.2)."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from seqrec.layers.join import Join
from seqrec.shapes import at_position, position_mask


class Multihead(nn.Module):
    """Several learned views of the prefix, each with its own weights.

    Args:
        dim: width D, a multiple of `heads`.
        heads: attention heads.
        concat: join the summary with ``h_t`` (see :class:`~seqrec.layers.join.Join`).
    """

    def __init__(self, *, dim: int, heads: int = 4, concat: bool = True) -> None:
        super().__init__()
        if heads < 1 or dim % heads:
            raise ValueError(f"head.heads={heads} must divide dim={dim}")
        self.heads = heads
        self.qkv = nn.Linear(dim, 3 * dim)
        self.out = nn.Linear(dim, dim)
        self.join = Join(dim=dim, concat=concat)

    def forward(self, h_BLD: Tensor) -> Tensor:
        """``h_BLD -> u_BLD``."""
        q, k, v = self._project(h_BLD)
        y_BHLE = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.join(h_BLD, self.out(y_BHLE.transpose(1, 2).flatten(2)))

    def weights(self, h_BLD: Tensor, position_B: Tensor) -> Tensor:
        """``alpha_BL`` with the state at each position as query, mean over the heads."""
        q, k, _ = self._project(h_BLD)
        q_BHE = at_position(q.transpose(1, 2), position_B)
        e_BHL = torch.einsum("bhe,bhle->bhl", q_BHE, k).float() / math.sqrt(k.shape[-1])
        mask_BL = position_mask(position_B + 1, h_BLD.shape[1])
        return e_BHL.masked_fill(~mask_BL[:, None], -torch.inf).softmax(dim=-1).mean(dim=1)

    def _project(self, h_BLD: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        q, k, v = self.qkv(h_BLD).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        return q, k, v
