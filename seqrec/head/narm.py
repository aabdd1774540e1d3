"""The hybrid read-out of NARM (Li et al. 2017, equations 4 to 9)."""

import torch
from torch import Tensor, nn

from seqrec.layers.dropout import Dropout
from seqrec.layers.pairwise import pairwise_summary, prefix_scores
from seqrec.layers.read_out import weighted_sum
from seqrec.shapes import at_position


class NARM(nn.Module):
    """The current state joined with its attention over the states so far.

    ``alpha_ts = v . sigmoid(A1 h_t + A2 h_s)`` without softmax,
    ``c_t = [h_t ; sum_s alpha_ts h_s]``, ``u_t = B c_t``; with the tied scorer ``B`` is the
    paper's bilinear decoder.

    Args:
        dim: width D.
        dropout: rate, applied to ``c_t`` (0.5 in the paper).
    """

    def __init__(self, *, dim: int, dropout: float = 0.5) -> None:
        super().__init__()
        self.query = nn.Linear(dim, dim, bias=False)
        self.key = nn.Linear(dim, dim, bias=False)
        self.v_D = nn.Parameter(torch.empty(dim).uniform_(-(dim**-0.5), dim**-0.5))
        self.dropout = Dropout(dropout)
        self.decode = nn.Linear(2 * dim, dim, bias=False)

    def forward(self, h_BLD: Tensor) -> Tensor:
        """Map ``h_BLD -> u_BLD``."""
        local_BLD = pairwise_summary(self.query(h_BLD), self.key(h_BLD), self.v_D, h_BLD)
        return self._join(h_BLD, local_BLD)

    def at(self, h_BLD: Tensor, position_B: Tensor) -> Tensor:
        """Return ``u_BD`` with the state at each position as query."""
        local_BD = weighted_sum(self.weights(h_BLD, position_B), h_BLD)
        return self._join(at_position(h_BLD, position_B), local_BD)

    def weights(self, h_BLD: Tensor, position_B: Tensor) -> Tensor:
        """Return ``alpha_BL``, not normalised, with the state at each position as query."""
        query_BD = self.query(at_position(h_BLD, position_B))
        return prefix_scores(query_BD, self.key(h_BLD), self.v_D, position_B)

    def _join(self, state: Tensor, local: Tensor) -> Tensor:
        return self.decode(self.dropout(torch.cat([state, local], dim=-1)))
