"""Calibrated recommendations: lists in the proportions of the history (Steck 2018)."""

from collections.abc import Callable
from typing import ClassVar

import polars as pl
import torch
from torch import Tensor, nn

from seqrec.errors import ConfigError
from seqrec.ranking.categories import AUTO, find_categories
from seqrec.rerank._greedy import fill, relevance, row
from seqrec.shapes import History

ALPHA = 0.01  # share of the history mixed into the list, as in the metric ``miscalibration``
CELLS = 1 << 22  # numbers held at once


class Calibrated(nn.Module):
    """Fill each place so that the list's categories come close to the history's.

    ``argmax (1 - weight) sum of r - weight KL(p, q)`` over the items that may come next, greedily:
    equation 7 of Steck 2018, "Calibrated recommendations", RecSys. p are the shares of the
    categories in the history, q those of the list with the item, mixed with 0.01 p; an item's share
    is spread evenly over its categories. r is the score, scaled to 0 .. 1 in each list. Items
    without categories change no share, and a history without any keeps its list.

    Args:
        items: the item table.
        weight: 0: the order of the model; 1: calibration alone.
        depth: items that the places are filled from.
        places: places to fill; the items below them keep their order.
        sort: let the chosen items stand in the order of their scores: the list has the same items,
            and those that are most relevant come first.
        category: a column of the items; ``auto``: the one that the metrics use.
    """

    code_VM: Tensor
    bounds: ClassVar = {"weight": (0, 1), "depth": (1, 100_000), "places": (1, 100_000)}
    strengths: ClassVar = {"weight": [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.97]}

    def __init__(
        self,
        *,
        items: Callable[[], pl.DataFrame] | None,
        weight: float = 0.5,
        depth: int = 100,
        places: int = 10,
        sort: bool = True,
        category: str = AUTO,
    ) -> None:
        super().__init__()
        self.weight, self.depth, self.places, self.sort = weight, depth, places, sort
        try:
            found = None if items is None else find_categories(items(), category)
        except ConfigError as error:
            raise ValueError(f"category={category}: {error.what}; {error.todo}") from error
        if found is None:
            raise ValueError("the items of this data have no column of categories to calibrate by")
        self.size = found.size
        codes = torch.from_numpy(found.code_VM).long()
        self.register_buffer("code_VM", codes, persistent=False)

    def forward(self, item_BK: Tensor, score_BK: Tensor, history: History) -> Tensor:
        """Return ``order_BK``."""
        rows = max(1, CELLS // ((item_BK.shape[1] + history.item_BL.shape[1]) * self.size))
        parts = [
            self._ordered(*part)
            for part in zip(
                item_BK.split(rows),
                relevance(score_BK).split(rows),
                history.item_BL.split(rows),
                strict=True,
            )
        ]
        return torch.cat(parts)

    def _ordered(self, item_BK: Tensor, relevance_BK: Tensor, item_BL: Tensor) -> Tensor:
        share_BKG = self._shares(item_BK)
        wanted_BG = self._shares(item_BL).sum(1)
        p_BG = wanted_BG / wanted_BG.sum(1, keepdim=True).clamp(min=1)
        mass_BG = torch.zeros_like(p_BG)

        def value(place: int) -> Tensor:
            listed_BKG = mass_BG[:, None] + share_BKG
            q_BKG = listed_BKG / listed_BKG.sum(2, keepdim=True).clamp(min=1)
            mixed_BKG = (1 - ALPHA) * q_BKG + ALPHA * p_BG[:, None]
            # KL(p, q) without the sum of p ln p, which all items share
            cross_BK = -torch.special.xlogy(p_BG[:, None], mixed_BKG).sum(2)
            return (1 - self.weight) * relevance_BK - self.weight * cross_BK

        def chosen(place: int, at_B1: Tensor) -> None:
            mass_BG.add_(row(share_BKG, at_B1))

        return fill(item_BK, self.places, value, chosen, sort=self.sort)

    def _shares(self, item_BX: Tensor) -> Tensor:
        """Return each item's share of each category, ``(B, X, G)``; zeros without any."""
        code_BXM = self.code_VM[item_BX]
        known_BXM = (code_BXM > 0).float()
        each_BXM = known_BXM / known_BXM.sum(2, keepdim=True).clamp(min=1)
        share_BXG = each_BXM.new_zeros(*item_BX.shape, self.size + 1)
        return share_BXG.scatter_add(2, code_BXM, each_BXM)[:, :, 1:]
