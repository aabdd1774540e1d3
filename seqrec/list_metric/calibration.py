"""Calibration: whether lists reflect the categories of the history (Steck 2018)."""

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from seqrec.list_metric._parts import parts
from seqrec.ranking.categories import Categories
from seqrec.ranking.lists import Floats, Lists, Values
from seqrec.store.views import View

ALPHA = 0.01  # share of the history's distribution mixed into the list's, to keep values finite
TINY = 1e-9  # rounding of a sum of shares, each of which is far larger


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
        width, size = categories.code_VM.shape[1], categories.size + 1
        value = {k: np.empty(len(top_RK)) for k in lists.ks}
        # histories that begin together, each one a part of the next, are counted once
        order = np.lexsort((view.end, view.start))
        start, end = view.start[order], view.end[order]
        goes_on = np.append(False, start[1:] == start[:-1])
        since = np.where(goes_on, np.roll(end, 1), start)
        for rows in parts(width * (end - since + top_RK.shape[1]) + size):
            further = goes_on[rows] & (np.arange(rows.stop - rows.start) > 0)
            more = View(order[rows], np.where(further, since[rows], start[rows]), end[rows])
            event = np.repeat(np.arange(len(more)), more.end - more.start)
            p_RG = _mass(event, lists.item[more.positions()], categories, len(more))
            p_RG = _running(p_RG, further)
            for k in lists.ks:
                top = top_RK[order[rows], :k]
                place = np.repeat(np.arange(len(top)), top.shape[1])
                q_RG = _mass(place, top.ravel(), categories, len(top))
                value[k][order[rows]] = kl_divergence(p_RG, q_RG)
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


def _running(mass_RG: Floats, further_R: NDArray[np.bool_]) -> Floats:
    """Add to each row that goes on from the one before what that one has."""
    if not further_R.any():
        return mass_RG
    total_RG = np.cumsum(mass_RG, axis=0)
    first_R = np.maximum.accumulate(np.where(further_R, 0, np.arange(len(mass_RG))))
    sum_RG = total_RG - (total_RG - mass_RG)[first_R]
    return np.where(sum_RG < TINY, 0.0, sum_RG)


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
