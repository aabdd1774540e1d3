"""Insert: similar items put in between (Liu et al. 2021, CoSeRec)."""

from collections.abc import Callable
from dataclasses import replace
from typing import ClassVar

import torch
from torch import Generator, Tensor

from seqrec.augment._rows import check_share, gathered, valid
from seqrec.augment._similar import Similar
from seqrec.layers.draws import uniform
from seqrec.shapes import TrainBatch


class Insert:
    """Put an item that the same users meet behind each input, with probability `share`.

    It stands *behind* the event that it is similar to, shares that event's columns and has the same
    target. In front of it, as in the paper, it would tell what comes. Rows of more than
    `max_length` inputs lose the oldest, as a window would.

    Args:
        similar: the closest items of each, by the training events.
        max_length: the largest number of inputs.
        share: from 0 to 1.
        neighbours: how many of the closest items are drawn from; 1: always the closest.
    """

    bounds: ClassVar[dict[str, tuple[int, int]]] = {"share": (0, 1)}

    def __init__(
        self,
        *,
        similar: Callable[[int], Tensor],
        max_length: int,
        share: float = 0.2,
        neighbours: int = 5,
    ) -> None:
        check_share(share)
        self.max_length, self.share = max_length, share
        self.similar = Similar(similar, neighbours)

    def __call__(self, batch: TrainBatch, generator: Generator) -> TrainBatch:
        """Return rows that are longer, up to `max_length`."""
        item_BL, valid_BL = batch.history.item_BL, valid(batch)
        chosen_BL = (uniform(valid_BL, generator) < self.share) & self.similar.has(item_BL)
        end_BL = (valid_BL.long() + chosen_BL).cumsum(1)  # of an event and what is put behind it
        lost_B = (end_BL[:, -1] - self.max_length).clamp(min=0)
        length_B = end_BL[:, -1] - lost_B
        place_L = torch.arange(int(length_B.max()), device=item_BL.device)
        place_BL = lost_B[:, None] + place_L
        source_BL = torch.searchsorted(end_BL, place_BL, right=True).clamp(max=item_BL.shape[1] - 1)
        longer = gathered(batch, source_BL, length_B)
        put_BL = chosen_BL.gather(1, source_BL) & (place_BL == end_BL.gather(1, source_BL) - 1)
        put_BL = put_BL & valid(longer)
        drawn_BL = self.similar.draw(longer.history.item_BL, put_BL, generator)
        return replace(longer, history=replace(longer.history, item_BL=drawn_BL))
