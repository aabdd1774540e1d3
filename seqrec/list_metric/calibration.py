"""Calibration: whether lists reflect the categories of the history (Steck 2018)."""

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from seqrec.list_metric._parts import parts
from seqrec.ranking.categories import Categories
from seqrec.ranking.lists import Floats, Lists, Values

ALPHA = 0.01  # share of the history's distribution mixed into the list's, to keep values finite


class Calibration:
    """``miscalibration@k``: how far the categories of a list are from those of the history.

    ``C_KL(p, q) = sum_g p(g) ln(p(g) / q~(g))``, ``q~ = (1 - alpha) q + alpha p``: equations 1, 2,
    5 and 6 of Steck 2018, "Calibrated recommendations", RecSys, with equal weights and alpha 0.01:
    p is the mean over the events of the history, q over the items of the list, and an item's share
    is spread evenly over its categories. 0 if both are equal, at most ``ln(1 / alpha)`` = 4.61 if
    they have nothing in common.

    Items without categories are ignored; a list isn't counted if that leaves nothing of it or of
    the history.
    """

    needs: ClassVar[tuple[str, ...]] = ("categories",)

    def __call__(self, lists: Lists) -> dict[str, Values]:
        """Return ``{"miscalibration@10": ...}``."""
        top_RK, categories, view = lists.top_RK, lists.categories, lists.view
        assert categories is not None
        length_R = view.end - view.start
        width, size = categories.code_VM.shape[1], categories.size + 1
        value = {k: np.empty(len(top_RK)) for k in lists.ks}
        for rows in parts(width * (length_R + top_RK.shape[1]) + size):
            index = np.arange(rows.start, rows.stop)
            event = np.repeat(np.arange(len(index)), length_R[rows])
            history = lists.item[view.take(index).positions()]
            p_RG = _mass(event, history, categories, len(index))
            for k in lists.ks:
                place = np.repeat(np.arange(len(index)), top_RK[rows, :k].shape[1])
                q_RG = _mass(place, top_RK[rows, :k].ravel(), categories, len(index))
                value[k][rows] = kl_divergence(p_RG, q_RG)
        return {f"miscalibration@{k}": Values.of(value[k]) for k in lists.ks}


def kl_divergence(p_RG: Floats, q_RG: Floats, alpha: float = ALPHA) -> Floats:
    """Return C_KL of unnormalised p and q; NaN if either is all zero."""
    row_N, code_N = p_RG.nonzero()  # only these contribute to the sum
    total_R, other_R = p_RG.sum(1), q_RG.sum(1)
    p_N = p_RG[row_N, code_N] / total_R[row_N]
    q_N = q_RG[row_N, code_N] / np.maximum(other_R, np.finfo(float).tiny)[row_N]
    term_N = p_N * np.log(p_N / ((1 - alpha) * q_N + alpha * p_N))
    divergence_R = np.bincount(row_N, term_N, len(p_RG))
    return np.where((total_R > 0) & (other_R > 0), divergence_R, np.nan)


def _mass(
    row_N: NDArray[np.integer], item_N: NDArray[np.integer], categories: Categories, rows: int
) -> Floats:
    """Count the items of each row by category; an item with several is split evenly."""
    code_NM, size = categories.code_VM[item_N], categories.size + 1
    known_NM = code_NM > 0
    share_NM = known_NM / np.maximum(known_NM.sum(1, keepdims=True), 1)
    cell_NM = row_N[:, None] * size + code_NM
    mass: Floats = np.bincount(cell_NM.ravel(), share_NM.ravel(), rows * size)  # type: ignore[assignment]
    return mass.reshape(rows, size)
