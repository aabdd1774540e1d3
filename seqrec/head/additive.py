"""Additive attention (Bahdanau et al. 2015, without a query).

``e_s = v^T tanh(W h_s + b)``, ``alpha_s = softmax_{s <= t}(e)_s``, ``S_t = sum_s alpha_s h_s``
"""

import torch
from torch import Tensor, nn

from seqrec.layers.join import Join
from seqrec.layers.read_out import prefix_softmax
from seqrec.layers.running_softmax import running_softmax, softmax_mean
from seqrec.shapes import at_position


class Additive(nn.Module):
    """Weigh the positions of every prefix by a learned score of each.

    A position's score doesn't depend on the prefix, so one running softmax gives the summaries of
    all prefixes in O(L), and nothing is encoded twice.

    Args:
        dim: width D.
        hidden: width of the score's hidden layer; null: D.
        concat: join ``S_t`` with ``h_t`` (see :class:`~seqrec.layers.join.Join`).
    """

    def __init__(self, *, dim: int, hidden: int | None = None, concat: bool = True) -> None:
        super().__init__()
        hidden = dim if hidden is None else hidden
        self.hidden = nn.Linear(dim, hidden)
        self.score = nn.Linear(hidden, 1, bias=False)
        self.join = Join(dim=dim, concat=concat)

    def forward(self, h_BLD: Tensor) -> Tensor:
        """Map ``h_BLD -> u_BLD``."""
        summary_BLD = running_softmax(self._scores(h_BLD), h_BLD)
        return self.join(h_BLD, summary_BLD)

    def at(self, h_BLD: Tensor, position_B: Tensor) -> Tensor:
        """Return ``u_BD`` of the prefix that ends at each position."""
        summary_BD = softmax_mean(self._scores(h_BLD), h_BLD, position_B)
        return self.join(at_position(h_BLD, position_B), summary_BD)

    def weights(self, h_BLD: Tensor, position_B: Tensor) -> Tensor:
        """Return ``alpha_BL`` of the prefix that ends at each position."""
        return prefix_softmax(self._scores(h_BLD), position_B)

    def _scores(self, h_BLD: Tensor) -> Tensor:
        return self.score(torch.tanh(self.hidden(h_BLD))).squeeze(-1)
