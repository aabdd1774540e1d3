"""What an event earns: its rating, or how new its item is to most users."""

from typing import Literal

import torch
from torch import Tensor

from seqrec.shapes import Targets

By = Literal["rating", "novelty"]


class Rewards:
    """Rewards of targets, over their mean in training, so that this is 1; never negative.

    ``rating`` is the column of the data that has this name: stars, or of Kuaishou's videos and
    Yambda's songs the share that was played. Of files of your own, ``data.rating`` names any
    column. ``novelty`` is ``-log2 p(i)``, the bits of an item's share of the training events (Zhou
    et al. 2010).

    Args:
        by: ``rating`` or ``novelty``.
        item_count_V: training events of each item; index 0 is padding.
        rating_mean: of the training events; None: no ratings.
    """

    def __init__(self, by: By, *, item_count_V: Tensor, rating_mean: float | None) -> None:
        if by == "rating" and rating_mean is None:
            raise ValueError("objective.by=rating: the data has no ratings; choose novelty")
        if by == "rating" and not (rating_mean or 0) > 0:
            raise ValueError(f"objective.by=rating: the mean rating, {rating_mean}, isn't above 0")
        self.by, self.mean = by, rating_mean or 1.0
        share_V = item_count_V.double() / item_count_V.sum().clamp(min=1)
        bits_V = -share_V.clamp(min=1 / max(1, int(item_count_V.sum()))).log2()
        self.novelty_V = (bits_V / (share_V * bits_V).sum().clamp(min=1e-9)).float()

    @property
    def reads_ratings(self) -> bool:
        """Whether the targets need ratings."""
        return self.by == "rating"

    def __call__(self, targets: Targets) -> Tensor:
        """Return ``reward_N``, float32; 0 for a rating that is missing or negative."""
        if self.reads_ratings:
            assert targets.rating_N is not None
            return torch.nan_to_num(targets.rating_N / self.mean).clamp(min=0)
        self.novelty_V = self.novelty_V.to(targets.item_N.device)
        return self.novelty_V[targets.item_N]
