"""The lists of a test, and metrics of them, which return a value for each list."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Protocol

import numpy as np
import polars as pl
from numpy.typing import NDArray

from seqrec.ranking.categories import Categories
from seqrec.store.views import View

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Lists:
    """R lists recommended at R test events, with all that a metric of them may use.

    Args:
        top_RK: item indices, best first; 0 where a list is shorter than K.
        ks: the list lengths to evaluate, up to K.
        rank_R: rank of each event's target, from 1.
        popular_rank_R: rank of the target by popularity, for the same user and protocol.
        view: the history of each event.
        item: items of all events in the store, indexed by `view`.
        count_V: training events of each item.
        head_V: which items are the popular head; see :func:`~seqrec.ranking.popular.popular_head`.
        categories: categories of the items, if the data has any.
        vector_VD: float32, the model's item vectors, if it has any.
        items: returns the item table.
    """

    top_RK: NDArray[np.integer]
    ks: list[int]
    rank_R: NDArray[np.integer]
    popular_rank_R: NDArray[np.integer]
    view: View
    item: NDArray[np.integer]
    count_V: NDArray[np.integer]
    head_V: Bools
    categories: Categories | None = None
    vector_VD: NDArray[np.float32] | None = None
    items: Callable[[], pl.DataFrame] | None = None


@dataclass(frozen=True)
class Values:
    """Values of a metric for R lists; over some of them it is ``total.sum() / weight.sum()``.

    Args:
        total_R: float64; for a mean over lists, the value of each list.
        weight_R: float64; for a mean over lists 1, or 0 where the metric is undefined.
    """

    total_R: Floats
    weight_R: Floats

    @classmethod
    def of(cls, value_R: Floats) -> "Values":
        """Return the values of a mean over the lists whose value isn't NaN."""
        known_R = ~np.isnan(value_R)
        return cls(np.where(known_R, value_R, 0.0), known_R.astype(np.float64))

    def mean(self, member_R: Bools | None = None) -> float | None:
        """Return the metric over all lists, or some; None if it is undefined for all of them."""
        chosen = slice(None) if member_R is None else member_R
        weight = self.weight_R[chosen].sum()
        return float(self.total_R[chosen].sum() / weight) if weight else None


def joined(parts: list[dict[str, Values]]) -> dict[str, Values]:
    """Return the values of consecutive parts of the lists as those of all lists."""
    return {
        name: Values(
            np.concatenate([part[name].total_R for part in parts]),
            np.concatenate([part[name].weight_R for part in parts]),
        )
        for name in parts[0]
    }


class ListMetric(Protocol):
    """Describes lists: ``metric(lists) -> {"tail_share@10": Values}``, by list length.

    Attributes:
        needs: fields of :class:`Lists` that it requires; if the data or the model leaves one of
            them None, the metric is left out of the results.
    """

    needs: ClassVar[tuple[str, ...]]

    def __call__(self, lists: Lists) -> dict[str, Values]: ...
