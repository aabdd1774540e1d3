"""Lists drawn from the model, and what most of them agree on."""

import math
from typing import ClassVar, Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from seqrec.generator._asker import Asker, Growing
from seqrec.shapes import EvalBatch, History

GOLDEN, MIX = 0x9E3779B97F4A7C15 - 2**64, (0xBF58476D1CE4E5B9 - 2**64, 0x94D049BB133111EB - 2**64)


class Sample:
    """Draws `sequences` lists of n items, each item from ``softmax(score / temperature)``.

    No list has an item twice. What is returned are the n items of most weight in all of them, which
    is also their score (Volodkevich et al. 2024, arXiv 2409.17730). By ``relevance``, an item
    weighs the sum of its probabilities at every place of every list, drawn or not; by
    ``reciprocal_rank``, the sum of ``1 / place`` over the lists that have it, which takes many more
    lists where no item is probable. By ``none``, the first list itself is
    returned, with the model's scores. Draws depend on the seed and on the history, so the same
    history gets the same list again, whatever it is asked with.

    Args:
        temperature: below 1 the likely items are drawn more often, above 1 less often.
        sequences: lists that are drawn.
        aggregate: how their items are weighed.
        seed: of the draws.
    """

    by_score: ClassVar[bool] = True
    bounds: ClassVar[dict[str, tuple[float, float]]] = {
        "temperature": (1e-3, 1e3),
        "sequences": (1, 10_000),
        "seed": (0, 2**63 - 1),
    }

    def __init__(
        self,
        *,
        temperature: float = 1.0,
        sequences: int = 30,
        aggregate: Literal["relevance", "reciprocal_rank", "none"] = "relevance",
        seed: int = 0,
    ) -> None:
        if aggregate not in WEIGHED:
            raise ValueError(f"aggregate={aggregate} must be one of {', '.join(WEIGHED)}")
        self.temperature, self.aggregate, self.seed = temperature, aggregate, seed
        self.sequences = 1 if aggregate == "none" else sequences

    def __call__(self, asker: Asker, batch: EvalBatch, n: int) -> tuple[Tensor, Tensor]:
        """Return ``item_Bn`` and ``score_Bn``; see :class:`~seqrec.generator.Generator`."""
        return asker.grow(batch, self.sequences, lambda growing: self._list(growing, n))

    def _list(self, growing: Growing, n: int) -> tuple[Tensor, Tensor]:
        number_R = torch.arange(len(growing), device=growing.history.length_B.device)
        key_R = _key(growing.history) + (number_R % growing.lists) * MIX[0]
        items, scores, weight_BV = [], [], None
        for place in range(1, n + 1):
            score_RV = growing.scores()
            p_RV = (score_RV / self.temperature).softmax(1)
            item_R = _drawn(
                p_RV, uniform(key_R + _stirred(place, MIX[1]) + _stirred(self.seed, GOLDEN))
            )
            growing.append(item_R)
            weight_BV = WEIGHED[self.aggregate](weight_BV, p_RV, item_R, place, growing.lists)
            items.append(item_R)
            scores.append(score_RV.gather(1, item_R[:, None]).squeeze(1))
        if self.aggregate == "none":
            item_Rn = torch.stack(items, 1)
            return item_Rn, torch.stack(scores, 1).masked_fill(item_Rn == 0, -math.inf)
        assert weight_BV is not None
        weight_BV[:, 0] = 0
        weight_Bn, item_Bn = weight_BV.topk(min(n, weight_BV.shape[1]), dim=1)
        none = weight_Bn <= 0
        room = (0, n - item_Bn.shape[1])
        item_Bn = F.pad(item_Bn.masked_fill(none, 0), room)
        return item_Bn, F.pad(weight_Bn.masked_fill(none, -math.inf).float(), room, value=-math.inf)


def _by_reciprocal_rank(
    weight_BV: Tensor | None, p_RV: Tensor, item_R: Tensor, place: int, lists: int
) -> Tensor:
    """Add ``1 / place`` to the items that stand there."""
    item_BS = item_R.view(-1, lists)
    if weight_BV is None:
        weight_BV = p_RV.new_zeros(len(item_BS), p_RV.shape[1], dtype=torch.float64)
    return weight_BV.scatter_add_(
        1, item_BS, torch.full_like(item_BS, 1 / place, dtype=torch.float64)
    )


def _by_relevance(
    weight_BV: Tensor | None, p_RV: Tensor, item_R: Tensor, place: int, lists: int
) -> Tensor:
    """Add the probabilities of all items at this place."""
    sum_BV = p_RV.view(-1, lists, p_RV.shape[1]).sum(1)
    return sum_BV if weight_BV is None else weight_BV.add_(sum_BV)


WEIGHED = {
    "reciprocal_rank": _by_reciprocal_rank,
    "relevance": _by_relevance,
    "none": lambda weight_BV, *_: weight_BV,
}


def _drawn(p_RV: Tensor, uniform_R: Tensor) -> Tensor:
    """Draw an item of each row, by the inverse of its distribution."""
    sum_RV = p_RV.cumsum(1, dtype=torch.float64)
    at_R1 = (uniform_R * sum_RV[:, -1])[:, None]
    return torch.searchsorted(sum_RV, at_R1, right=True).squeeze(1).clamp(max=p_RV.shape[1] - 1)


def _stirred(number: int, factor: int) -> Tensor:
    """Return a product in int64, which wraps around."""
    return torch.tensor(number) * factor


def _key(history: History) -> Tensor:
    """Return a number of each history, int64, which its items alone decide."""
    power_L = torch.full_like(history.item_BL[0], 6364136223846793005).cumprod(0)
    return (history.item_BL * power_L).sum(1)


def uniform(key: Tensor) -> Tensor:
    """Return numbers in 0 .. 1, float64, below 1, by hashes of int64 keys.

    The hash is the finaliser of SplitMix64 (Steele, Lea and Flood 2014).
    """
    word = key * GOLDEN
    for shift, factor in zip((30, 27), MIX, strict=True):
        word = (word ^ _shifted(word, shift)) * factor
    word = word ^ _shifted(word, 31)
    return _shifted(word, 11).double() * 2.0**-53


def _shifted(word: Tensor, by: int) -> Tensor:
    """Shift right without the sign, which int64 would copy."""
    return (word >> by) & ((1 << (64 - by)) - 1)
