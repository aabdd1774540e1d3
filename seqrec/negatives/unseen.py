"""Negatives drawn evenly from the items that a user has no training event with."""

from collections.abc import Callable
from typing import ClassVar

import torch
from torch import Tensor

from seqrec.shapes import Negatives, Targets

AGAIN = 4  # times that a draw is repeated if the user has the item


class Unseen:
    """Draw for each position from the items outside its user's own (Rendle et al. 2009, figure 4).

    A draw that hits an item of the user is repeated, and left out if it still does so in the end,
    as it may for a user who has most of the catalogue. Of an unknown user only the target is known.

    Args:
        n_items: items without the padding id.
        own_items: returns the users' items in training; see :class:`~seqrec.facts.Facts`.
        num: number of draws S.
    """

    takes_shards: ClassVar[bool] = True

    def __init__(
        self, *, n_items: int, own_items: Callable[[], Tensor] | None = None, num: int = 1
    ) -> None:
        if num < 1:
            raise ValueError(f"negatives.num={num} must be at least 1")
        self.n_items, self.num = n_items, num
        own_P = torch.zeros(0, dtype=torch.int64) if own_items is None else own_items()
        self.own_P = torch.cat([own_P, torch.tensor([torch.iinfo(torch.int64).max])])

    def __call__(self, targets: Targets, item_BL: Tensor) -> Negatives:
        """Draw for the positions `targets` of the sequences `item_BL`."""
        device, stride = targets.item_N.device, self.n_items + 1
        self.own_P = self.own_P.to(device)
        user_N = targets.user_N
        first_N = torch.full_like(targets.item_N, -stride) if user_N is None else user_N * stride
        drawn_NS = self._draw(first_N)
        for _ in range(AGAIN):
            own_NS = self._owns(first_N, drawn_NS)
            drawn_NS = torch.where(own_NS, self._draw(first_N), drawn_NS)
        keep_NS = ~self._owns(first_N, drawn_NS) & (drawn_NS != targets.item_N[:, None])
        bounds = torch.searchsorted(self.own_P, torch.stack([first_N, first_N + stride]))
        left_N = (self.n_items - (bounds[1] - bounds[0])).clamp(min=1)
        return Negatives(drawn_NS, -left_N.log()[:, None].expand_as(drawn_NS), keep_NS)

    def _draw(self, first_N: Tensor) -> Tensor:
        shape = (len(first_N), self.num)
        return torch.randint(1, self.n_items + 1, shape, device=first_N.device)

    def _owns(self, first_N: Tensor, item_NS: Tensor) -> Tensor:
        """Return whether the user whose pairs begin at `first_N` has the items."""
        key_NS = first_N[:, None] + item_NS
        return self.own_P[torch.searchsorted(self.own_P, key_NS)] == key_NS
