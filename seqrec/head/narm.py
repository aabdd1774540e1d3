"""The hybrid read-out of NARM (Li et al. 2017, equations 4 to 9)."""

import torch
from torch import Tensor, nn

from seqrec.layers.dropout import Dropout
from seqrec.layers.pairwise import pairwise_scores, pairwise_summary
from seqrec.shapes import at_position, position_mask


class NARM(nn.Module):
    """Global state joined with attention of the current state over the earlier ones.

    ``alpha_ts = v . sigmoid(A1 h_t + A2 h_s)`` without softmax,
    ``c_t = [h_t ; sum_s alpha_ts h_s]``, ``u_t = B c_t``; with the tied scorer ``B`` is the
    paper's bilinear decoder.

    Args:
        dim: width D.
        dropout: on ``c_t`` (the paper: 0.5).
    """

    def __init__(self, *, dim: int, dropout: float = 0.5) -> None:
        super().__init__()
        self.query = nn.Linear(dim, dim, bias=False)
        self.key = nn.Linear(dim, dim, bias=False)
        self.v_D = nn.Parameter(torch.empty(dim).uniform_(-(dim**-0.5), dim**-0.5))
        self.dropout = Dropout(dropout)
        self.decode = nn.Linear(2 * dim, dim, bias=False)

    def forward(self, h_BLD: Tensor) -> Tensor:
        """``h_BLD -> u_BLD``."""
        local_BLD = pairwise_summary(self.query(h_BLD), self.key(h_BLD), self.v_D, h_BLD)
        return self.decode(self.dropout(torch.cat([h_BLD, local_BLD], dim=-1)))

    def weights(self, h_BLD: Tensor, position_B: Tensor) -> Tensor:
        """``alpha_BL`` with the state at each position as query; not normalised, as published."""
        query_B1D = self.query(at_position(h_BLD, position_B)).unsqueeze(1)
        e_BL = pairwise_scores(query_B1D, self.key(h_BLD), self.v_D).squeeze(1)
        return e_BL * position_mask(position_B + 1, h_BLD.shape[1])
