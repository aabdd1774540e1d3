"""Shapley values: an event's worth, averaged over all orders in which events can come in."""

from typing import Any, ClassVar, Literal

import torch
from torch import Tensor

from seqrec.question import Explanation, Game, Question, relative_error


class Shapley:
    """Weigh an event by what it adds to the events before it, over random orders (Shapley 1953).

    The weights sum to the score of the whole history minus that of none. Short histories are
    weighed exactly, by all their subsets. For longer ones, permutations are drawn in pairs, one the
    reverse of the other (Mitchell et al. 2022), and ``about`` has the standard errors.

    Args:
        permutations: orders that are drawn, an even number.
        most: histories that are asked at most; a long history gets fewer permutations, four or
            more.
        exact: longest history that is weighed by all subsets.
        game: ``delete`` the events that aren't in yet, or ``mask`` their vectors.
        seed: of the permutations.

    Raises:
        ConfigError: a baseline, which has no vectors, should play ``mask``.
    """

    complete: ClassVar[bool] = True
    needs: ClassVar[Literal["anything"]] = "anything"

    def __init__(
        self,
        *,
        permutations: int = 64,
        most: int = 3_200,
        exact: int = 10,
        game: Game = "delete",
        seed: int = 0,
    ) -> None:
        if permutations < 4 or permutations % 2 or not 0 <= exact <= 16 or most < 1:
            raise ValueError(
                f"permutations={permutations}, most={most}, exact={exact}: use an even number of "
                "permutations, 4 or more, most of 1 or more, and exact from 0 to 16"
            )
        if game not in ("delete", "mask"):
            raise ValueError(f"game={game}: use delete or mask")
        self.permutations, self.most, self.exact = permutations, most, exact
        self.game, self.seed = game, seed

    def __call__(self, question: Question) -> Explanation:
        """Ask for all subsets of a short history, or for the prefixes of permutations."""
        weigh = self._exactly if len(question) <= max(1, self.exact) else self._by_permutations
        weight_L, ends, asked, about = weigh(question)
        whole = (ends[1] - ends[0]).item()
        error = relative_error(weight_L.sum().item(), whole)
        return Explanation(weight_L, asked, error, {"whole": whole, **about})

    def _exactly(self, question: Question) -> tuple[Tensor, Tensor, int, dict[str, Any]]:
        length = len(question)
        subset_P = torch.arange(2**length)
        keep_PL = (subset_P[:, None] >> torch.arange(length)) % 2 > 0
        order_P = keep_PL.sum(1).argsort(stable=True)
        value_P = torch.empty(len(subset_P), dtype=torch.float64)
        value_P[order_P] = question.played(self.game, keep_PL[order_P])
        share_L = _shares(length)
        weight_L = torch.empty(length, dtype=torch.float64)
        for event in range(length):
            without_P = subset_P[~keep_PL[:, event]]
            added_P = value_P[without_P + 2**event] - value_P[without_P]
            weight_L[event] = added_P @ share_L[keep_PL[without_P].sum(1)]
        return weight_L, value_P[[0, -1]], len(subset_P), {"exact": True}

    def _by_permutations(self, question: Question) -> tuple[Tensor, Tensor, int, dict[str, Any]]:
        length, generator = len(question), question.generator(self.seed)
        pairs = max(2, min(self.permutations, self.most // (length - 1)) // 2)
        half = torch.rand(pairs, length, generator=generator).argsort(1)
        order_PL = torch.cat([half, half.flip(1)])
        place_PL = order_PL.argsort(1)  # when each event comes in
        size_S = torch.arange(1, length)
        keep_SPL = place_PL < size_S[:, None, None]  # by length, as neighbours cost the same
        inner_SP = question.played(self.game, keep_SPL.flatten(0, 1)).view(len(size_S), -1)
        ends = question.played(self.game, torch.tensor([[False], [True]]).expand(2, length))
        end_2P = ends[:, None].expand(2, len(order_PL))
        value_SP = torch.cat([end_2P[:1], inner_SP, end_2P[1:]])
        added_PL = value_SP.diff(dim=0).T.gather(1, place_PL)
        pair_PL = added_PL.view(2, -1, length).mean(0)
        error_L = pair_PL.std(0) / len(pair_PL) ** 0.5
        about = {"exact": False, "permutations": 2 * pairs, "standard_error": error_L.tolist()}
        return pair_PL.mean(0), ends, inner_SP.numel() + 2, about


def _shares(length: int) -> Tensor:
    """Return the share of orders in which given events, 0 .. length - 1 of them, come before one.

    It is ``s! (L - s - 1)! / L!``.
    """
    size = torch.arange(length, dtype=torch.float64)
    log = torch.lgamma(size + 1) + torch.lgamma(length - size)
    return (log - torch.lgamma(torch.tensor(length + 1.0, dtype=torch.float64))).exp()
