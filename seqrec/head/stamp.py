"""The short-term attention and memory priority of STAMP (Liu et al. 2018, equations 3 to 9)."""

import torch
from torch import Tensor, nn

from seqrec.layers.pairwise import pairwise_scores, pairwise_summary
from seqrec.layers.prefix import prefix_mean
from seqrec.shapes import at_position, position_mask


class STAMP(nn.Module):
    """Attention over the items seen, asked by the last item and the mean of all.

    ``alpha_ts = w0 . sigmoid(W1 x_s + W2 x_t + W3 m_t + b)`` with ``m_t`` the prefix mean,
    ``a_t = sum_s alpha_ts x_s`` and ``u_t = tanh(Ws (a_t + m_t)) * tanh(Wt x_t)``; the tied scorer
    then gives the paper's trilinear product.

    Equation 7 has ``a_t`` alone; the published code adds the mean, and so does this.

    Args:
        dim: width D.
    """

    def __init__(self, *, dim: int) -> None:
        super().__init__()
        self.key = nn.Linear(dim, dim, bias=False)
        self.last = nn.Linear(dim, dim, bias=False)
        self.mean = nn.Linear(dim, dim)
        self.v_D = nn.Parameter(torch.empty(dim).uniform_(-(dim**-0.5), dim**-0.5))
        self.general = nn.Sequential(nn.Linear(dim, dim), nn.Tanh())
        self.current = nn.Sequential(nn.Linear(dim, dim), nn.Tanh())

    def forward(self, h_BLD: Tensor) -> Tensor:
        """``h_BLD -> u_BLD``; STAMP's h are the item vectors (``encoder=identity``)."""
        mean_BLD = prefix_mean(h_BLD)
        query_BLD = self.last(h_BLD) + self.mean(mean_BLD)
        summary_BLD = pairwise_summary(query_BLD, self.key(h_BLD), self.v_D, h_BLD)
        return self.general(summary_BLD + mean_BLD) * self.current(h_BLD)

    def weights(self, h_BLD: Tensor, position_B: Tensor) -> Tensor:
        """``alpha_BL`` asked by the item at each position; not normalised, as published."""
        last_BD = at_position(h_BLD, position_B)
        mean_BD = at_position(prefix_mean(h_BLD), position_B)
        query_B1D = (self.last(last_BD) + self.mean(mean_BD)).unsqueeze(1)
        e_BL = pairwise_scores(query_B1D, self.key(h_BLD), self.v_D).squeeze(1)
        return e_BL * position_mask(position_B + 1, h_BLD.shape[1])
