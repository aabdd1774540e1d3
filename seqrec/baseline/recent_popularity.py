"""The items with the most training events of late."""

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

    Items without an event in that share follow in the order of all their events.

    Args:
        n_items: items without the padding id.
        shares: of the training events, the latest; validation chooses one of them.
    """

    share: Tensor

    def __init__(self, *, n_items: int, shares: list[float]) -> None:
        super().__init__()
        check_options("shares", shares, 0, 1)
        self.shares, self.table = shares, Table(n_items)
        self.register_buffer("share", torch.zeros(()))

    def count(self, training: Training, judge: Judge) -> None:
        """Learn from the training events; `judge` tells what validation says of it.

        Raises:
            DataError: there are no times.
        """
        if training.timestamp is None:
            raise DataError(
                "what is popular of late can't be told without timestamps",
                where="model=recent_popularity",
                todo="model=popularity, or name the time column with data.timestamp",
            )
        total = training.counts()
        order = np.argsort(-training.timestamp, kind="stable")

        def take(share: float) -> None:
            kept = order[: max(1, round(share * len(order)))]
            count_V = training.counts(kept) + total / (total.max() + 1)  # the latter below 1
            self.table.fill(None, popularity_order(torch.from_numpy(count_V)))
            self.share.fill_(share)

        choose("shares", self.shares, take, judge)

    def query(self, item_BL: Tensor, length_B: Tensor) -> Rows:
        """The same for every history."""
        return everyone(item_BL)

    def weights(self, item_BL: Tensor, length_B: Tensor) -> Tensor:
        """``alpha_BL``: the history doesn't count."""
        return torch.zeros(item_BL.shape, device=item_BL.device)
