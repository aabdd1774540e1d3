"""The items with the most training events, for everybody."""

import torch
from torch import Tensor, nn

from seqrec.counts.choice import Judge
from seqrec.counts.table import Rows, Table
from seqrec.counts.training import Training, popularity_order


class Popularity(nn.Module):
    """``score(i)`` goes by the number of training events of item i.

    Args:
        n_items: items without the padding id.
    """

    def __init__(self, *, n_items: int) -> None:
        super().__init__()
        self.table = Table(n_items)

    def count(self, training: Training, judge: Judge) -> None:
        """Learn from the training events."""
        self.table.fill(None, popularity_order(torch.from_numpy(training.counts())))

    def query(self, item_BL: Tensor, length_B: Tensor) -> Rows:
        """The same for every history."""
        return everyone(item_BL)

    def weights(self, item_BL: Tensor, length_B: Tensor) -> Tensor:
        """``alpha_BL``: the history doesn't count."""
        return torch.zeros(item_BL.shape, device=item_BL.device)


def everyone(item_BL: Tensor) -> Rows:
    """Queries that go by popularity alone."""
    rows = len(item_BL)
    return Rows(
        item_BL.new_zeros(rows, 0),
        torch.zeros(rows, 0, device=item_BL.device),
        torch.ones(rows, device=item_BL.device),
    )
