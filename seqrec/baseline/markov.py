"""Items that followed the last item in the training events."""

import numpy as np
import torch
from torch import Tensor, nn

from seqrec.counts.choice import Judge, check_options, choose
from seqrec.counts.table import Rows, Table, packed
from seqrec.counts.training import Training


class Markov(nn.Module):
    """First-order Markov chain, smoothed with popularity (a Dirichlet prior, as in Zhai and
    Lafferty 2004, table 1).

    ``P(j | i) = (c_ij + m p_j) / (c_i + m)``: `c_ij` counts transitions from i to j,
    `c_i` those from i to any item, and `p_j` is the share of j in all events.

    Args:
        n_items: items without the padding id.
        smoothing: options for m, in transitions; validation chooses one.
        neighbours: number of most frequent successors kept for each item.
    """

    smoothing: Tensor
    total_V: Tensor

    def __init__(self, *, n_items: int, smoothing: list[float], neighbours: int = 200) -> None:
        super().__init__()
        check_options("smoothing", smoothing, 0, float("inf"))
        if neighbours < 1:
            raise ValueError(f"neighbours={neighbours} must be at least 1")
        self.options, self.neighbours, self.table = smoothing, neighbours, Table(n_items)
        self.register_buffer("smoothing", torch.zeros(()))
        self.register_buffer("total_V", torch.zeros(n_items + 1))

    def count(self, training: Training, judge: Judge) -> None:
        """Learn from the training events."""
        v = training.n_items + 1
        order_V = training.popularity()
        events_V = torch.from_numpy(training.counts()) + order_V / v  # the latter less than 1
        base_V = events_V / len(training.item)
        from_P, to_P, count_P = training.successions()
        self.total_V = torch.from_numpy(
            np.bincount(from_P, weights=count_P, minlength=v).astype(np.float32)
        )
        entries = packed(from_P, to_P, count_P, rows=v, most=self.neighbours, order_V=order_V)
        self.table.fill(entries, base_V)
        choose("smoothing", self.options, self.smoothing.fill_, judge)

    def query(self, item_BL: Tensor, length_B: Tensor) -> Rows:
        """Return the row of the last item."""
        last_B = item_BL.gather(1, length_B[:, None] - 1).squeeze(1)
        scale_B = 1 / (self.total_V[last_B] + self.smoothing)
        return Rows(last_B[:, None], scale_B[:, None], self.smoothing * scale_B)

    def weights(self, item_BL: Tensor, length_B: Tensor) -> Tensor:
        """Return ``alpha_BL``: all weight on the last item."""
        position_L = torch.arange(item_BL.shape[1], device=item_BL.device)
        return (position_L == length_B[:, None] - 1).float()
