"""The short-term attention and memory priority of STAMP (Liu et al. 2018, equations 3 to 9)."""

import torch
from torch import Tensor, nn

from seqrec.layers.pairwise import pairwise_summary, prefix_scores
from seqrec.layers.prefix import prefix_mean
from seqrec.layers.read_out import prefix_equal, weighted_sum
from seqrec.shapes import at_position


class STAMP(nn.Module):
    """Attention over the prefix; its query is made of the last item and the mean of all items.

    ``alpha_ts = w0 . sigmoid(W1 x_s + W2 x_t + W3 m_t + b)`` with ``m_t`` the prefix mean,
    ``a_t = sum_s alpha_ts x_s`` and ``u_t = tanh(Ws (a_t + m_t)) * tanh(Wt x_t)``; the tied scorer
    then gives the paper's trilinear product.

    Equation 7 has ``a_t`` alone; this adds the mean, as the published code does.

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
        """Map ``h_BLD -> u_BLD``; STAMP's h are the item vectors (``encoder=identity``)."""
        mean_BLD = prefix_mean(h_BLD)
        query_BLD = self.last(h_BLD) + self.mean(mean_BLD)
        summary_BLD = pairwise_summary(query_BLD, self.key(h_BLD), self.v_D, h_BLD)
        return self.general(summary_BLD + mean_BLD) * self.current(h_BLD)

    def at(self, h_BLD: Tensor, position_B: Tensor) -> Tensor:
        """Return ``u_BD`` with the item at each position as query."""
        last_BD, mean_BD = self._query_parts(h_BLD, position_B)
        alpha_BL = self._weights(h_BLD, last_BD, mean_BD, position_B)
        summary_BD = weighted_sum(alpha_BL, h_BLD)
        return self.general(summary_BD + mean_BD) * self.current(last_BD)

    def weights(self, h_BLD: Tensor, position_B: Tensor) -> Tensor:
        """Return ``alpha_BL``, not normalised, with the item at each position as query."""
        return self._weights(h_BLD, *self._query_parts(h_BLD, position_B), position_B)

    def _query_parts(self, h_BLD: Tensor, position_B: Tensor) -> tuple[Tensor, Tensor]:
        """Return the item at each position, and the mean of the items up to it."""
        equal_BL = prefix_equal(position_B, h_BLD.shape[1])
        return at_position(h_BLD, position_B), weighted_sum(equal_BL, h_BLD)

    def _weights(
        self, h_BLD: Tensor, last_BD: Tensor, mean_BD: Tensor, position_B: Tensor
    ) -> Tensor:
        query_BD = self.last(last_BD) + self.mean(mean_BD)
        return prefix_scores(query_BD, self.key(h_BLD), self.v_D, position_B)
