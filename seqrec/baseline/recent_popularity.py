"""The items with the most recent training events."""

import numpy as np
import torch
from torch import Tensor, nn

from seqrec.baseline.popularity import everyone
from seqrec.counts.choice import Judge, check_options, choose
from seqrec.counts.table import Rows, Table
from seqrec.counts.training import Training, popularity_order
from seqrec.errors import DataError


class RecentPopularity(nn.Module):
    """Popularity in the latest share of the training events (Ji et al. 2020, "A re-visit of the
    popularity baseline in recommender systems").

    Events at the time of the earliest one that counts count, too. Items without a recent event
    follow in the order of their total number of events.

    Args:
        n_items: items without the padding id.
        shares: options for the share of latest training events; validation chooses one.
    """

    share: Tensor

    def __init__(self, *, n_items: int, shares: list[float]) -> None:
        super().__init__()
        check_options("shares", shares, 0, 1)
        self.shares, self.table = shares, Table(n_items)
        self.register_buffer("share", torch.zeros(()))

    def count(self, training: Training, judge: Judge) -> None:
        """Learn from the training events.

        Raises:
            DataError: the events have no timestamps.
        """
        if training.timestamp is None:
            raise DataError(
                "recent popularity needs timestamps, which the data lacks",
                where="model=recent_popularity",
                todo="use model=popularity, or a file with times (data=files data.timestamp=)",
            )
        total = training.counts()
        time = training.timestamp
        latest = np.sort(time)[::-1]

        def take(share: float) -> None:
            since = latest[max(1, round(share * len(latest))) - 1]
            count_V = training.counts(time >= since) + total / (
                total.max() + 1
            )  # the latter less than 1
            self.table.fill(None, popularity_order(count_V, training.tie_V))
            self.share.fill_(share)

        choose("shares", self.shares, take, judge)

    def query(self, item_BL: Tensor, length_B: Tensor) -> Rows:
        """Return the same query for every history."""
        return everyone(item_BL)

    def weights(self, item_BL: Tensor, length_B: Tensor) -> Tensor:
        """Return ``alpha_BL``: 0, as the history doesn't count."""
        return torch.zeros(item_BL.shape, device=item_BL.device)
