"""Draws among the items that the same users meet."""

from collections.abc import Callable

import torch
from torch import Generator, Tensor

from seqrec.layers.draws import uniform


class Similar:
    """The closest items of each, and random ones of them.

    Args:
        similar: the fact; see :class:`~seqrec.facts.Facts`.
        neighbours: how many of the closest items are drawn from, at least 1.
    """

    def __init__(self, similar: Callable[[int], Tensor], neighbours: int) -> None:
        if neighbours < 1:
            raise ValueError(f"augment: neighbours={neighbours} must be at least 1")
        self.item_VK = similar(neighbours)
        self.count_V = (self.item_VK > 0).sum(1)

    def has(self, item_BL: Tensor) -> Tensor:
        """Return whether an item has any close one, bool."""
        return self._on(item_BL.device).count_V[item_BL] > 0

    def draw(self, item_BL: Tensor, where_BL: Tensor, generator: Generator) -> Tensor:
        """Return an item close to each, drawn evenly, where asked for; elsewhere the item itself.

        Args:
            item_BL: the items.
            where_BL: bool; all items there have a close one.
            generator: of the draws; there is one for each place that is asked for.
        """
        on = self._on(item_BL.device)
        place_BL = (uniform(where_BL, generator) * on.count_V[item_BL]).long() * where_BL
        return torch.where(where_BL, on.item_VK[item_BL, place_BL], item_BL)

    def _on(self, device: torch.device) -> "Similar":
        """Keep the tables where the batches are."""
        self.item_VK, self.count_V = self.item_VK.to(device), self.count_V.to(device)
        return self
