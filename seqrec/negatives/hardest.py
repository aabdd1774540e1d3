"""The hardest of several draws (Zhang et al. 2013, dynamic negative sampling)."""

import math
from typing import ClassVar

import torch
from torch import Tensor

from seqrec.contracts import Ranked
from seqrec.negatives._keep import keep_mask
from seqrec.shapes import Negatives, Targets


class Hardest:
    """For each position the one that the model scores highest among `tries` even draws, S times.

    The draws are shared by the positions of a batch, so one matrix product scores them all, and
    each position chooses for itself. With ``tries = 1`` this is even sampling. How likely a draw
    was depends on the scores of the whole catalogue, which nobody computes, so a loss that corrects
    for it can't be used.

    Args:
        n_items: items without the padding id.
        num: number of negatives S of a position.
        tries: draws that each is chosen from; more are harder, and more of them false negatives.
        exclude_own: never use an item of a sequence as its negative.
    """

    sees_queries: ClassVar[bool] = True
    needs_negative_terms: ClassVar[bool] = True
    has_probabilities: ClassVar[bool] = False

    def __init__(
        self, *, n_items: int, num: int = 64, tries: int = 4, exclude_own: bool = False
    ) -> None:
        for name, value in {"num": num, "tries": tries}.items():
            if value < 1:
                raise ValueError(f"negatives.{name}={value} must be at least 1")
        self.n_items, self.num, self.tries, self.exclude_own = n_items, num, tries, exclude_own

    @torch.no_grad()
    def __call__(
        self, targets: Targets, item_BL: Tensor, query_ND: Tensor, catalogue: Ranked
    ) -> Negatives:
        """Draw for the positions `targets` of the sequences `item_BL`."""
        device, n = targets.item_N.device, len(targets.item_N)
        drawn_P = torch.randint(1, self.n_items + 1, (self.num * self.tries,), device=device)
        keep_NP = keep_mask(
            drawn_P, targets, item_BL, n_items=self.n_items, exclude_own=self.exclude_own
        )
        score_NP = catalogue.score_shared(query_ND, drawn_P).masked_fill(~keep_NP, -torch.inf)
        chosen_NS = score_NP.view(n, self.num, self.tries).argmax(2)
        chosen_NS += torch.arange(self.num, device=device) * self.tries
        drawn_NS = drawn_P[chosen_NS]
        even_NS = torch.full(drawn_NS.shape, -math.log(self.n_items), device=device)
        return Negatives(drawn_NS, even_NS, keep_NP.gather(1, chosen_NS))
