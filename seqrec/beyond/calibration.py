"""Calibration: a list should have the categories that the user's history has (Steck 2018)."""

import numpy as np
from numpy.typing import NDArray

from seqrec.beyond.categories import Categories
from seqrec.beyond.values import Floats, Values, parts
from seqrec.split.views import View

ALPHA = 0.01  # of the history's distribution is mixed into the list's, so that none is infinite


def miscalibration(
    top_RK: NDArray[np.integer],
    ks: list[int],
    categories: Categories,
    *,
    item: NDArray[np.integer],
    view: View,
) -> dict[str, Values]:
    """``C_KL(p, q) = sum_g p(g) ln(p(g) / q~(g))``, ``q~ = (1 - alpha) q + alpha p``.

    Equations 1, 2, 5 and 6 of Steck 2018, "Calibrated recommendations", RecSys, with equal weights
    and alpha 0.01: p is the mean over the events of the history, q over the items of the list, and
    an item's share is spread evenly over its categories. 0 where the two are the same, at most
    ``ln(1 / alpha)`` = 4.61 where they have nothing in common.

    Items without categories are left out; a list isn't counted where that leaves nothing of it, or
    of the history.

    Args:
        top_RK: the lists; 0 where they are shorter.
        ks: list lengths.
        categories: of the items.
        item: of the store's events.
        view: the history of each list.

    Returns:
        ``{"miscalibration@10": ...}``.
    """
    length_R = view.end - view.start
    width, size = categories.code_VM.shape[1], categories.size + 1
    value = {k: np.empty(len(top_RK)) for k in ks}
    for rows in parts(width * (length_R + top_RK.shape[1]) + size):
        index = np.arange(rows.start, rows.stop)
        event = np.repeat(np.arange(len(index)), length_R[rows])
        history = item[view.take(index).positions()]
        p_RG = _distribution(event, history, categories, len(index))
        for k in ks:
            place = np.repeat(np.arange(len(index)), min(k, top_RK.shape[1]))
            q_RG = _distribution(place, top_RK[rows, :k].ravel(), categories, len(index))
            value[k][rows] = kl_divergence(p_RG, q_RG)
    return {f"miscalibration@{k}": Values.of(value[k]) for k in ks}


def kl_divergence(p_RG: Floats, q_RG: Floats, alpha: float = ALPHA) -> Floats:
    """See :func:`miscalibration`; NaN where p or q is."""
    mixed_RG = (1 - alpha) * q_RG + alpha * p_RG
    ratio_RG = np.divide(p_RG, mixed_RG, out=np.ones_like(p_RG), where=p_RG != 0)
    return (p_RG * np.log(ratio_RG)).sum(1)


def _distribution(
    row_N: NDArray[np.integer], item_N: NDArray[np.integer], categories: Categories, rows: int
) -> Floats:
    """Shares of the categories among the items of each row; NaN where none is known."""
    code_NM, size = categories.code_VM[item_N], categories.size + 1
    known_NM = code_NM > 0
    share_NM = known_NM / np.maximum(known_NM.sum(1, keepdims=True), 1)
    cell_NM = row_N[:, None] * size + code_NM
    mass = np.bincount(cell_NM.ravel(), share_NM.ravel(), rows * size).reshape(rows, size)
    total_R1 = mass.sum(1, keepdims=True)
    return np.divide(mass, total_R1, out=np.full_like(mass, np.nan), where=total_R1 > 0)
