"""The items with the most training events, for every user."""

import torch
from torch import Tensor, nn

from seqrec.counts.choice import Judge
from seqrec.counts.table import Rows, Table
from seqrec.counts.training import Training


class Popularity(nn.Module):
    """Rank items by their number of training events.

    Args:
        n_items: items without the padding id.
    """

    def __init__(self, *, n_items: int) -> None:
        super().__init__()
        self.table = Table(n_items)

    def count(self, training: Training, judge: Judge) -> None:
        """Learn from the training events."""
        self.table.fill(None, training.popularity())

    def query(self, item_BL: Tensor, length_B: Tensor) -> Rows:
        """Return the same query for every history."""
        return everyone(item_BL)

    def weights(self, item_BL: Tensor, length_B: Tensor) -> Tensor:
        """Return ``alpha_BL``: 0, as the history doesn't count."""
        return torch.zeros(item_BL.shape, device=item_BL.device)


def everyone(item_BL: Tensor) -> Rows:
    """Return queries that score by popularity alone."""
    rows = len(item_BL)
    return Rows(
        item_BL.new_zeros(rows, 0),
        torch.zeros(rows, 0, device=item_BL.device),
        torch.ones(rows, device=item_BL.device),
    )
