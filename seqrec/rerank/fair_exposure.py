"""A least share of every list for the long tail."""

from collections.abc import Callable
from typing import ClassVar

import polars as pl
import torch
from torch import Tensor, nn

from seqrec.counts.training import popularity_order, tie_order
from seqrec.ranking.popular import popular_head
from seqrec.rerank._greedy import fill
from seqrec.shapes import History


class FairExposure(nn.Module):
    """Give at least ``floor(share n)`` of the first n places to the long tail, for every n.

    A place goes to the best item that is left, or to the best of the tail if the list would
    otherwise fall short: the deterministic greedy ranking (DetGreedy, with lower bounds alone) of
    Geyik, Ambler and Kenthapadi 2019, "Fairness-aware ranking in search and recommendation
    systems", KDD, for the two groups of items of CPFair (Naghiaei et al. 2022, SIGIR), whose
    popular head is a fifth. FairRec's guarantee (Patro et al. 2020, WWW) to each single item binds
    the lists of all users to each other; this one holds in each list by itself. A list whose
    `depth` items have too few of the tail takes those it has.

    Args:
        items: the item table.
        item_count_V: training events of each item.
        share: least share of the tail, 0 .. 1.
        depth: items that the places are filled from.
        places: places to fill; the items below them keep their order.
    """

    tail_V: Tensor
    bounds: ClassVar = {"share": (0, 1), "depth": (1, 100_000), "places": (1, 100_000)}
    strengths: ClassVar = {"share": [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8]}

    def __init__(
        self,
        *,
        items: Callable[[], pl.DataFrame] | None,
        item_count_V: Tensor | None,
        share: float = 0.3,
        depth: int = 100,
        places: int = 20,
    ) -> None:
        super().__init__()
        if items is None or item_count_V is None:
            raise ValueError("the training events of the items aren't known")
        self.share, self.depth, self.places = share, depth, places
        count_V = item_count_V.numpy()
        order_V = popularity_order(count_V, tie_order(items()["item"])).numpy()
        tail_V = torch.from_numpy(~popular_head(order_V, count_V > 0))
        tail_V[0] = False
        self.register_buffer("tail_V", tail_V, persistent=False)

    def forward(self, item_BK: Tensor, score_BK: Tensor, history: History) -> Tensor:
        """Return ``order_BK``."""
        tail_BK = self.tail_V[item_BK]
        place_K = torch.arange(item_BK.shape[1], device=item_BK.device)
        had_B1 = torch.zeros(len(item_BK), 1, dtype=torch.int64, device=item_BK.device)

        def value(place: int) -> Tensor:
            short_B1 = had_B1 < int(self.share * (place + 1) + 1e-9)  # 0.7 * 10 is 6.99 in binary
            return ((tail_BK & short_B1) * len(place_K) - place_K).float()

        def chosen(place: int, at_B1: Tensor) -> None:
            had_B1.add_(tail_BK.gather(1, at_B1))

        return fill(item_BK, self.places, value, chosen)
