"""Attention that decides at each position how far back it looks, and how much it counts.

``e_ts = v^T tanh(W h_s + b) - a_t log(1 + t - s)``, ``alpha_t = softmax_{s <= t}(e_t)``,
``u_t = (1 - g_t) h_t + g_t V sum_s alpha_ts h_s``,
with ``a_t = softplus(w_a . h_t + c_a)`` and ``g_t = sigmoid(w_g . h_t + c_g)``
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from seqrec.layers.read_out import prefix_softmax, weighted_sum
from seqrec.shapes import at_position


class Adaptive(nn.Module):
    """Additive attention whose reach and share are functions of the current state.

    As in :class:`~seqrec.head.additive.Additive`, an event has one score, whatever the position. A
    position adds to it a loss with distance, a power ``a_t``: 0 looks at the whole history alike,
    and a large one at the latest events alone (the span of Sukhbaatar et al. 2019, with a power
    for a ramp). The gate ``g_t`` says how much of the summary is attention, and how much the state
    itself (the pointer sentinel of Lu et al. 2017 without its softmax).

    Args:
        dim: width D.
        hidden: width of the score's hidden layer; null: D.
    """

    def __init__(self, *, dim: int, hidden: int | None = None) -> None:
        super().__init__()
        hidden = dim if hidden is None else hidden
        self.hidden = nn.Linear(dim, hidden)
        self.score = nn.Linear(hidden, 1, bias=False)
        self.fade, self.share = nn.Linear(dim, 1), nn.Linear(dim, 1)
        self.value = nn.Linear(dim, dim, bias=False)
        nn.init.eye_(self.value.weight)  # at first u is a mean of states
        nn.init.constant_(self.share.bias, -2.0)  # and mostly the current one

    def forward(self, h_BLD: Tensor) -> Tensor:
        """Map ``h_BLD -> u_BLD``."""
        index_L = torch.arange(h_BLD.shape[1], device=h_BLD.device)
        age_LL = index_L[:, None] - index_L
        e_BLL = self._scores(h_BLD)[:, None] - self._fade(h_BLD)[..., None] * _far(age_LL)
        alpha_BLL = e_BLL.masked_fill(age_LL < 0, -torch.inf).softmax(-1)
        return self._mixed(h_BLD, alpha_BLL.to(h_BLD.dtype) @ h_BLD)

    def at(self, h_BLD: Tensor, position_B: Tensor) -> Tensor:
        """Return ``u_BD`` of the prefix that ends at each position."""
        summary_BD = weighted_sum(self.weights(h_BLD, position_B), h_BLD)
        return self._mixed(at_position(h_BLD, position_B), summary_BD)

    def weights(self, h_BLD: Tensor, position_B: Tensor) -> Tensor:
        """Return ``alpha_BL`` of the prefix that ends at each position, before the gate."""
        index_L = torch.arange(h_BLD.shape[1], device=h_BLD.device)
        fade_B1 = self._fade(at_position(h_BLD, position_B))[:, None]
        e_BL = self._scores(h_BLD) - fade_B1 * _far(position_B[:, None] - index_L)
        return prefix_softmax(e_BL, position_B)

    def gate(self, h_BLD: Tensor, position_B: Tensor) -> Tensor:
        """Return ``g_B``: the share of attention in the summary at each position."""
        return self._share(at_position(h_BLD, position_B)).squeeze(-1)

    def _mixed(self, state: Tensor, summary: Tensor) -> Tensor:
        return torch.lerp(state.float(), self.value(summary).float(), self._share(state)).to(
            state.dtype
        )

    def _scores(self, h_BLD: Tensor) -> Tensor:
        return self.score(torch.tanh(self.hidden(h_BLD))).squeeze(-1).float()

    def _fade(self, state: Tensor) -> Tensor:
        return F.softplus(self.fade(state).float()).squeeze(-1)

    def _share(self, state: Tensor) -> Tensor:
        return torch.sigmoid(self.share(state).float())


def _far(age: Tensor) -> Tensor:
    return age.clamp(min=0).float().log1p()
