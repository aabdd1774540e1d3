"""Attention over the encoder's inputs: the states say how much, the events' own vectors say what.

``e_ts = (Q h_t) . (K h_s) / sqrt(D) - a log(1 + t - s)``, ``alpha_ts = softmax_{s <= t}(e_t)_s``,
``u_t = V sum_s alpha_ts x_s``
"""

import math
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from seqrec.layers.read_out import prefix_softmax, weighted_sum
from seqrec.shapes import at_position


class Inputs(nn.Module):
    """Weigh the inputs of a prefix by its states, and sum them.

    A state holds the events before it, so weights of states say little about one event. Here an
    event adds to the summary by its own vector alone, as in RETAIN (Choi et al. 2016). The score is
    then a sum of one share for each event, which the explainer ``share`` reads off. Weights fade
    with distance by a learned power, ``(1 + t - s)^-a``.

    Args:
        dim: width D.
    """

    reads_inputs: ClassVar[bool] = True

    def __init__(self, *, dim: int) -> None:
        super().__init__()
        self.query, self.key = nn.Linear(dim, dim), nn.Linear(dim, dim)
        self.fade = nn.Parameter(torch.ones(1))
        self.value = nn.Linear(dim, dim, bias=False)
        nn.init.eye_(self.value.weight)  # at first u is a mean of item vectors

    def forward(self, h_BLD: Tensor, x_BLD: Tensor) -> Tensor:
        """Map ``h_BLD, x_BLD -> u_BLD``."""
        index_L = torch.arange(h_BLD.shape[1], device=h_BLD.device)
        bias_LL = self._faded(index_L[:, None] - index_L)
        bias_LL = bias_LL.masked_fill(index_L[:, None] < index_L, -torch.inf)
        q_B1LD, k_B1LD = self.query(h_BLD).unsqueeze(1), self.key(h_BLD).unsqueeze(1)
        summary_B1LD = F.scaled_dot_product_attention(
            q_B1LD, k_B1LD, x_BLD.unsqueeze(1).to(q_B1LD.dtype), bias_LL.to(q_B1LD.dtype)
        )
        return self.value(summary_B1LD.squeeze(1))

    def at(self, h_BLD: Tensor, x_BLD: Tensor, position_B: Tensor) -> Tensor:
        """Return ``u_BD`` with the state at each position as query."""
        return self.value(weighted_sum(self.weights(h_BLD, x_BLD, position_B), x_BLD))

    def weights(self, h_BLD: Tensor, x_BLD: Tensor, position_B: Tensor) -> Tensor:
        """Return ``alpha_BL`` with the state at each position as query."""
        query_BD, key_BLD = self.query(at_position(h_BLD, position_B)), self.key(h_BLD)
        e_BL = torch.einsum("bd,bld->bl", query_BD, key_BLD).float() / math.sqrt(h_BLD.shape[-1])
        index_L = torch.arange(h_BLD.shape[1], device=h_BLD.device)
        return prefix_softmax(e_BL + self._faded(position_B[:, None] - index_L), position_B)

    def _faded(self, distance: Tensor) -> Tensor:
        return -self.fade * distance.clamp(min=0).float().log1p()
