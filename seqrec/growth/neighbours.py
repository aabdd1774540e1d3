"""New items begin where the items are that users had around them."""

import torch
from torch import Tensor

from seqrec.contracts import Fresh
from seqrec.growth._mean import weighted_mean


class Neighbours:
    """The mean of the known items within a few events of a new one, the nearest counting most.

    A pair of events that lie d apart weighs 1 / d. Only training events are looked at. An item
    without a known neighbour gets the mean of all known rows.

    Args:
        reach: how many events before and after a new item count.
    """

    def __init__(self, *, reach: int = 5) -> None:
        if reach < 1:
            raise ValueError(f"growth.reach={reach} must be at least 1")
        self.reach = reach

    def __call__(self, table_VD: Tensor, fresh: Fresh) -> Tensor:
        """Return the rows of the new items."""
        number_V = torch.full_like(fresh.known_V, -1, dtype=torch.int64)
        number_V[fresh.item_N] = torch.arange(len(fresh.item_N))
        pairs = []
        for apart in range(1, self.reach + 1):
            one, other = fresh.item_E[:-apart], fresh.item_E[apart:]
            same = fresh.user_E[:-apart] == fresh.user_E[apart:]
            for new, near in ((one, other), (other, one)):
                which = same & (number_V[new] >= 0) & fresh.known_V[near]
                row, of = number_V[new[which]], near[which]
                pairs.append((row, of, torch.full(row.shape, 1 / apart)))
        row_P, of_P, weight_P = (torch.cat(part) for part in zip(*pairs, strict=True))
        mean_ND, total_N = weighted_mean(table_VD, row_P, of_P, weight_P, rows=len(fresh.item_N))
        mean_ND[total_N == 0] = table_VD[fresh.known_V].mean(0)
        return mean_ND
