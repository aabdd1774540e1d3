"""Maximal marginal relevance (Carbonell and Goldstein 1998)."""

from collections.abc import Callable
from typing import ClassVar

import polars as pl
import torch
from torch import Tensor, nn

from seqrec.ranking.categories import AUTO
from seqrec.rerank._greedy import fill, relevance
from seqrec.rerank._similarity import Similarity
from seqrec.shapes import History


class MMR(nn.Module):
    """Fill each place with the item that is relevant and unlike the items above it.

    ``argmax (1 - weight) r(i) - weight max_j sim(i, j)`` over the items j that are listed already:
    Carbonell and Goldstein 1998, "The use of MMR, diversity-based reranking for reordering
    documents and producing summaries", SIGIR, with lambda = 1 - weight. r is the score, scaled to
    0 .. 1 in each list. A similarity below 0 counts as 0.

    Args:
        items: the item table.
        weight: 0: the order of the model; 1: similarity alone.
        depth: items that the places are filled from.
        places: places to fill; the items below them keep their order.
        sort: let the chosen items stand in the order of their scores: the list has the same items,
            and those that are most relevant come first.
        similarity: a column of the items, ``vectors`` of the model, or ``auto``: the categories
            that the metrics use, otherwise vectors.
    """

    bounds: ClassVar = {"weight": (0, 1), "depth": (1, 100_000), "places": (1, 100_000)}
    strengths: ClassVar = {"weight": [0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.7]}

    def __init__(
        self,
        *,
        items: Callable[[], pl.DataFrame] | None,
        weight: float = 0.15,
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
        nearest_BK = torch.zeros_like(relevance_BK)

        def value(place: int) -> Tensor:
            return (1 - self.weight) * relevance_BK - self.weight * nearest_BK

        def chosen(place: int, at_B1: Tensor) -> None:
            torch.maximum(nearest_BK, similar(at_B1), out=nearest_BK)

        return fill(item_BK, self.places, value, chosen, sort=self.sort)
