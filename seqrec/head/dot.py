"""Dot-product attention with the current state as query (Luong et al. 2015, ``dot``)."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from seqrec.layers.join import Join
from seqrec.layers.read_out import prefix_softmax, weighted_sum
from seqrec.shapes import at_position


class Dot(nn.Module):
    """``alpha_ts = softmax_{s <= t}(h_t . h_s / sqrt(D))``, ``S_t = sum_s alpha_ts h_s``.

    Args:
        dim: width D.
        concat: join ``S_t`` with ``h_t`` (see :class:`~seqrec.layers.join.Join`).
    """

    def __init__(self, *, dim: int, concat: bool = True) -> None:
        super().__init__()
        self.join = Join(dim=dim, concat=concat)

    def forward(self, h_BLD: Tensor) -> Tensor:
        """Map ``h_BLD -> u_BLD``."""
        h_B1LD = h_BLD.unsqueeze(1)
        summary = F.scaled_dot_product_attention(h_B1LD, h_B1LD, h_B1LD, is_causal=True)
        return self.join(h_BLD, summary.squeeze(1))

    def at(self, h_BLD: Tensor, position_B: Tensor) -> Tensor:
        """Return ``u_BD`` with the state at each position as query."""
        summary_BD = weighted_sum(self.weights(h_BLD, position_B), h_BLD)
        return self.join(at_position(h_BLD, position_B), summary_BD)

    def weights(self, h_BLD: Tensor, position_B: Tensor) -> Tensor:
        """Return ``alpha_BL`` with the state at each position as query."""
        query_BD = at_position(h_BLD, position_B)
        e_BL = torch.einsum("bd,bld->bl", query_BD, h_BLD).float() / math.sqrt(h_BLD.shape[-1])
        return prefix_softmax(e_BL, position_B)
