"""A determinantal point process: the most likely list, found greedily (Chen et al. 2018)."""

from collections.abc import Callable
from typing import ClassVar

import polars as pl
import torch
from torch import Tensor, nn

from seqrec.ranking.categories import AUTO
from seqrec.rerank._greedy import fill, relevance, row
from seqrec.rerank._similarity import Similarity
from seqrec.shapes import History

RIDGE = 0.01  # added to the diagonal, as items of the same categories make S singular


class DPP(nn.Module):
    """Fill each place with the item that adds most to relevance and to the list's volume.

    Algorithm 1 of Chen, Zhang and Zhou 2018, "Fast greedy MAP inference for determinantal point
    process to improve recommendation diversity", NeurIPS, with their trade-off (equation 12):
    ``argmax (1 - weight) r(i) + weight log det`` of the similarities S of the list with item i, of
    which the part that depends on i is ``log d_i^2``, a pivot of S's Cholesky factor. A chosen item
    j updates it for all others: ``e_i = (S_ji - <c_j, c_i>) / d_j``, ``d_i^2 -= e_i^2``. r is the
    score, scaled to 0 .. 1 in each list; S has 0.01 added to its diagonal.

    Args:
        items: the item table.
        weight: 0: the order of the model; 1: diversity alone.
        depth: items that the places are filled from.
        places: places to fill; the items below them keep their order.
        sort: let the chosen items stand in the order of their scores: the list has the same items,
            and those that are most relevant come first.
        similarity: a column of the items, ``vectors`` of the model, or ``auto``: the categories
            that the metrics use, otherwise vectors.
    """

    bounds: ClassVar = {"weight": (0, 1), "depth": (1, 100_000), "places": (1, 100_000)}
    strengths: ClassVar = {"weight": [0.01, 0.02, 0.03, 0.04, 0.05, 0.07, 0.1, 0.15, 0.2, 0.4]}

    def __init__(
        self,
        *,
        items: Callable[[], pl.DataFrame] | None,
        weight: float = 0.03,
        depth: int = 100,
        places: int = 10,
        sort: bool = True,
        similarity: str = AUTO,
    ) -> None:
        super().__init__()
        self.weight, self.depth, self.places, self.sort = weight, depth, places, sort
        self.similarity = Similarity(similarity, items)
        self.reads_vectors = self.similarity.reads_vectors

    def forward(
        self,
        item_BK: Tensor,
        score_BK: Tensor,
        history: History,
        vector_BKD: Tensor | None = None,
    ) -> Tensor:
        """Return ``order_BK``."""
        relevance_BK = relevance(score_BK)
        similar = self.similarity(item_BK, vector_BKD)
        pivot_BK = torch.full_like(relevance_BK, 1 + RIDGE)  # d^2
        factor_BKP = relevance_BK.new_zeros(*item_BK.shape, min(self.places, item_BK.shape[1]))

        def value(place: int) -> Tensor:
            volume_BK = pivot_BK.clamp(min=RIDGE).log()  # no pivot is less, but for rounding
            return (1 - self.weight) * relevance_BK + self.weight * volume_BK

        def chosen(place: int, at_B1: Tensor) -> None:
            known_BP = row(factor_BKP, at_B1)
            explained_BK = (factor_BKP @ known_BP[:, :, None]).squeeze(2)
            root_B1 = pivot_BK.gather(1, at_B1).clamp(min=RIDGE).sqrt()
            new_BK = (similar(at_B1) - explained_BK) / root_B1
            factor_BKP[:, :, place] = new_BK
            pivot_BK.sub_(new_BK**2)

        return fill(item_BK, self.places, value, chosen, sort=self.sort)
