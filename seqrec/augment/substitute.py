"""Substitute: some of the inputs replaced by similar items (Liu et al. 2021, CoSeRec)."""

from collections.abc import Callable
from dataclasses import replace
from typing import ClassVar

from torch import Generator, Tensor

from seqrec.augment._rows import check_share, valid
from seqrec.augment._similar import Similar
from seqrec.layers.draws import uniform
from seqrec.shapes import TrainBatch


class Substitute:
    """Replace each input with probability `share` by an item that the same users meet.

    The event keeps its columns and targets stay as they are. What replaces an item depends on it
    and on chance, not on what follows.

    Args:
        similar: the closest items of each, by the training events.
        share: from 0 to 1.
        neighbours: how many of the closest items are drawn from; 1: always the closest.
    """

    bounds: ClassVar[dict[str, tuple[int, int]]] = {"share": (0, 1)}

    def __init__(
        self, *, similar: Callable[[int], Tensor], share: float = 0.2, neighbours: int = 5
    ) -> None:
        check_share(share)
        self.share, self.similar = share, Similar(similar, neighbours)

    def __call__(self, batch: TrainBatch, generator: Generator) -> TrainBatch:
        """Return a batch of the same shape."""
        item_BL = batch.history.item_BL
        chosen_BL = uniform(valid(batch), generator) < self.share
        drawn_BL = self.similar.draw(item_BL, chosen_BL & self.similar.has(item_BL), generator)
        return replace(batch, history=replace(batch.history, item_BL=drawn_BL))
