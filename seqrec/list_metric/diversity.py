"""Intra-list diversity: how far apart the items of a list are (Smyth and McClave 2001).

The mean distance of all pairs of a list's items (Ziegler et al. 2005, "Improving recommendation
lists through topic diversification", WWW, whose intra-list similarity is the sum of similarities).
"""

from collections.abc import Callable
from itertools import product
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from seqrec.list_metric._parts import parts
from seqrec.ranking.categories import Categories
from seqrec.ranking.lists import Floats, Lists, Values

Places = NDArray[np.integer]  # shape (P,), places in a list
Distance = Callable[[NDArray[np.integer], Places, Places], Floats]  # top_RK, pairs -> distance_RP


class Diversity:
    """``diversity@k`` by the items' categories; without any, ``vector_diversity@k``.

    The mean pairwise distance within each list: in 0 .. 1 by categories, in 0 .. 2 by the model's
    item vectors. Pairs of unknown distance and lists without pairs are ignored; there is no value
    for k = 1.
    """

    needs: ClassVar[tuple[str, ...]] = ()

    def __call__(self, lists: Lists) -> dict[str, Values]:
        """Return ``{"diversity@10": ...}``; {} without categories and vectors."""
        if lists.categories is not None:
            distance, width = between_sets(lists.categories), lists.categories.code_VM.shape[1]
            return mean_distance("diversity", lists, distance, width=width)
        if lists.vector_VD is not None:
            distance, width = between_vectors(lists.vector_VD), lists.vector_VD.shape[1]
            return mean_distance("vector_diversity", lists, distance, width=width)
        return {}


def mean_distance(name: str, lists: Lists, distance: Distance, *, width: int) -> dict[str, Values]:
    """Return the mean pairwise distance of each list by length, ``{"<name>@10": ...}``.

    Args:
        name: name of the metric.
        lists: see :class:`~seqrec.ranking.lists.Lists`.
        distance: distance of pairs of places, NaN if unknown; see :func:`between_sets` and
            :func:`between_vectors`.
        width: numbers per item that a distance reads.
    """
    top_RK, ks = lists.top_RK, [k for k in lists.ks if k > 1]
    if not ks:
        return {}
    second, first = np.tril_indices(max(ks), -1)  # pairs within the first k come first
    value = {k: np.full(len(top_RK), np.nan) for k in ks}
    for rows in parts(np.full(len(top_RK), width * len(first))):
        distance_RP = distance(top_RK[rows], first, second)
        for k in ks:
            value[k][rows] = _mean(distance_RP[:, : k * (k - 1) // 2])
    return {f"{name}@{k}": Values.of(value[k]) for k in ks}


def between_sets(categories: Categories) -> Distance:
    """Return the Jaccard distance of the items' categories, ``1 - |A and B| / |A or B|``.

    It is unknown for an item without categories.
    """
    code_MV, number_V = np.ascontiguousarray(categories.code_VM.T), categories.numbers()

    def distance(top_RK: NDArray[np.integer], first: Places, second: Places) -> Floats:
        a_RP, b_RP = top_RK[:, first], top_RK[:, second]
        code_MRP, other_MRP = (code_MV.take(item_RP, axis=1) for item_RP in (a_RP, b_RP))
        other_MRP[other_MRP == 0] = -1  # matches no code
        both_RP = np.zeros(a_RP.shape, dtype=np.int32)
        for code, other in product(code_MRP, other_MRP):
            both_RP += code == other
        either_RP = number_V[a_RP] + number_V[b_RP] - both_RP
        known_RP = (number_V[a_RP] > 0) & (number_V[b_RP] > 0)
        return np.where(known_RP, 1 - both_RP / np.maximum(either_RP, 1), np.nan)

    return distance


def between_vectors(vector_VD: NDArray[np.float32]) -> Distance:
    """Return one minus the cosine of the items' vectors; unknown if one is zero."""
    size_V1 = np.linalg.norm(vector_VD, axis=1, keepdims=True)
    unit_VD = vector_VD / np.where(size_V1 > 0, size_V1, np.nan)
    unit_VD[0] = np.nan

    def distance(top_RK: NDArray[np.integer], first: Places, second: Places) -> Floats:
        unit_RKD = unit_VD[top_RK].astype(np.float64)
        return 1 - (unit_RKD @ unit_RKD.transpose(0, 2, 1))[:, first, second]

    return distance


def _mean(value_RP: Floats) -> Floats:
    """Return the mean of each row's numbers; NaN if there are none."""
    known_RP = ~np.isnan(value_RP)
    number_R = known_RP.sum(1)
    total_R = np.where(known_RP, value_RP, 0).sum(1)
    return np.where(number_R > 0, total_R / np.maximum(number_R, 1), np.nan)
