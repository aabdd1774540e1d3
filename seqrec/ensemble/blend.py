"""Scores that are weighted sums of the scores of several models."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from seqrec.contracts import Ranked

BLOCK = 1 << 24  # scores held at once
ROUNDED = 4  # units in the last place that a sum of products may be off


@dataclass(frozen=True)
class Blended:
    """Queries of M models for the same B histories.

    Args:
        parts: the queries of each model, in the form that its catalogue takes.
        weight_BM: the weight of each model's scores.
    """

    parts: tuple[Any, ...]
    weight_BM: Tensor

    def __len__(self) -> int:
        """Return B."""
        return len(self.weight_BM)


@dataclass(frozen=True)
class Blend:
    """The catalogues of M models as one: ``score(q, i) = sum_m weight_m score_m(q_m, i)``."""

    parts: tuple[Ranked, ...]

    def __len__(self) -> int:
        """Return the number of items V, with the padding id."""
        return len(self.parts[0])

    def score(self, query: Blended, item: Tensor) -> Tensor:
        """Return scores of one item per query, (B,) -> (B,), or of S each, (B, S) -> (B, S)."""
        return _sum([part.score(q, item) for part, q in self._asked(query)], query)

    def score_shared(self, query: Blended, item_S: Tensor) -> Tensor:
        """Return scores of the same items for every query: (B, S)."""
        return _sum([part.score_shared(q, item_S) for part, q in self._asked(query)], query)

    def block(self, query: Blended, first: int, last: int) -> Tensor:
        """Return scores of the items ``first .. last - 1``: (B, last - first)."""
        return _sum([part.block(q, first, last) for part, q in self._asked(query)], query)

    def rounding(self, query: Blended, item_N: Tensor, score_N: Tensor) -> Tensor:
        """Return how much two computations of the same score can differ: (N,).

        That of each model's score, and that of their sum.
        """
        scores = [part.score(q, item_N) for part, q in self._asked(query)]
        asked = zip(self._asked(query), scores, strict=True)
        own_N = _sum([part.rounding(q, item_N, score) for (part, q), score in asked], query)
        size_N = _sum([score.abs() for score in scores], query)
        return own_N + ROUNDED * torch.finfo(size_N.dtype).eps * size_N

    def _asked(self, query: Blended) -> list[tuple[Ranked, Any]]:
        return list(zip(self.parts, query.parts, strict=True))


def _sum(values: Sequence[Tensor], query: Blended) -> Tensor:
    """Return the weighted sum of values of each model, (B,) or (B, S)."""
    weight_MB = query.weight_BM.T
    total = torch.zeros((), device=weight_MB.device)
    for value, weight_B in zip(values, weight_MB, strict=True):
        total = total + value * (weight_B if value.dim() == 1 else weight_B[:, None])
    return total


def deviation(query: Any, catalogue: Ranked, rows: int) -> Tensor:
    """Return the standard deviation of each query's scores of all items: ``std_B``, float64.

    Args:
        query: `rows` queries in the form that the catalogue takes.
        catalogue: scores the items.
        rows: B.
    """
    v, width = len(catalogue), max(1, BLOCK // max(1, rows))
    first_B = catalogue.block(query, 1, 2).double().squeeze(1)  # near the mean, for exact squares
    total_B, square_B = torch.zeros_like(first_B), torch.zeros_like(first_B)
    for first in range(1, v, width):
        score_BW = catalogue.block(query, first, min(v, first + width)).double()
        score_BW -= first_B[:, None]
        total_B += score_BW.sum(1)
        square_B += score_BW.square().sum(1)
    mean_B = total_B / (v - 1)
    return (square_B / (v - 1) - mean_B.square()).clamp(min=0).sqrt()
