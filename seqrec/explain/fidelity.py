"""How faithful weights are: what happens to the item when events are taken away by weight.

The names and the idea are those of Baklanov et al. 2025, "Refining Fidelity Metrics for Explainable
Recommendations" (SIGIR): a fixed number ``Ke`` of events, the same for every user, instead of a
share of the history; and only the order of the weights counts. With ``H`` the history, ``T`` its
``Ke`` events of largest weight, ``r(.)`` the rank of the explained item and ``f(.)`` its score:

==============  ===================================  ==============
metric          of one user                          better
==============  ===================================  ==============
POS@Kr,Ke       1 if ``r(H without T) <= Kr``        lower
DEL@Ke          ``f(H without T) / f(H)``            lower
INS@Ke          ``f(T alone) / f(H)``                higher
CDCG@Ke         ``1 / log2(1 + r(H without T))``     lower
==============  ===================================  ==============

There, ``f`` is a probability. Scores of a model of dot products have no zero, so here ``f`` is the
score over the mean score of the candidates: no constant or positive factor in the scores changes a
metric. Events are deleted: the later ones move up. A user counts at ``Ke`` with more than ``Ke``
events; with fewer, every order of the events does the same.
"""

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from seqrec.explain.crowd import Crowd

Floats = NDArray[np.floating]
KR, KE = (5, 10), (1, 2, 3, 5)
LOWER = {"POS": True, "DEL": True, "INS": False, "CDCG": True}
SHARES = tuple(np.linspace(0, 1, 11).round(1).tolist())  # of events, in the curves


def metric_names() -> list[str]:
    """Return the names of all metrics."""
    names = [f"POS@{kr},Ke{ke}" for kr in KR for ke in KE]
    return names + [f"{name}@{ke}" for name in ("DEL", "INS", "CDCG") for ke in KE]


def lower_is_better(metric: str) -> bool:
    """Return whether a lower value of a metric is better."""
    return LOWER[metric.partition("@")[0]]


def places(weight_UL: Tensor, length_U: Tensor, *, seed: int) -> Tensor:
    """Return each event's place by weight, from 0 for the largest; ties are in random order.

    Args:
        weight_UL: the weights; beyond a history's end they don't count.
        length_U: the number of events.
        seed: of the order of ties.

    Returns:
        int64, (U, L); at least ``length_U`` beyond a history's end.
    """
    users, width = weight_UL.shape
    chance = torch.rand(users, width, generator=torch.Generator().manual_seed(seed)).argsort(1)
    beyond = torch.arange(width) >= length_U[:, None]
    shuffled = weight_UL.masked_fill(beyond, -torch.inf).gather(1, chance)
    # the sort is stable: of equal weights, the first of the random order stays first
    return chance.gather(1, shuffled.argsort(dim=1, descending=True, stable=True)).argsort(1)


def fidelity(crowd: Crowd, place_UL: Tensor, whole_U: Tensor) -> dict[str, Floats]:
    """Compute every metric of every user, NaN where a history is too short.

    Args:
        crowd: the users.
        place_UL: each event's place by weight, see :func:`places`.
        whole_U: the item's score with the whole history, over the mean of the candidates.
    """
    users = torch.arange(len(crowd))
    keep = [place_UL >= ke for ke in KE] + [place_UL < ke for ke in KE]
    rank_P, height_P = crowd.ask(users.repeat(len(keep)), torch.cat(keep))
    rank_KU, height_KU = (x.view(len(keep), -1) for x in (rank_P, height_P))
    result: dict[str, Tensor] = {}
    for at, ke in enumerate(KE):
        rank_U = rank_KU[at]
        result |= {f"POS@{kr},Ke{ke}": (rank_U <= kr).double() for kr in KR}
        result[f"DEL@{ke}"] = ratio(height_KU[at], whole_U)
        result[f"INS@{ke}"] = ratio(height_KU[len(KE) + at], whole_U)
        result[f"CDCG@{ke}"] = 1 / torch.log2(1 + rank_U.double())
        short_U = crowd.lengths <= ke
        for name in (*(f"POS@{kr},Ke{ke}" for kr in KR), f"DEL@{ke}", f"INS@{ke}", f"CDCG@{ke}"):
            result[name] = result[name].masked_fill(short_U, torch.nan)
    return {name: result[name].numpy() for name in metric_names()}


def curves(crowd: Crowd, place_UL: Tensor, whole_U: Tensor) -> dict[str, list[float | None]]:
    """Compute the mean of ``f / f(H)`` as more and more events are deleted, and are inserted.

    The events of largest weight come first, a share of 0, 0.1 .. 1 of each history (Petsiuk et al.
    2018, "RISE"). Long explanations and short histories weigh on these curves; the metrics at a
    number of events are made not to. A mean is None without a user whose item scores above the
    candidates' mean.
    """
    users, ends = torch.arange(len(crowd)), range(len(SHARES))
    count = [(crowd.lengths * share).round().long()[:, None] for share in SHARES]
    keep = [place_UL >= count[at] for at in ends] + [place_UL < count[at] for at in ends]
    _, height_P = crowd.ask(users.repeat(len(keep)), torch.cat(keep))
    height_KU = height_P.view(len(keep), -1)
    mean = [_mean(ratio(height_U, whole_U)) for height_U in height_KU]
    return {"deletion": mean[: len(SHARES)], "insertion": mean[len(SHARES) :]}


def ratio(part_U: Tensor, whole_U: Tensor) -> Tensor:
    """Return the share of the whole; NaN where the whole isn't above zero."""
    return torch.where(whole_U > 0, part_U / whole_U, torch.nan)


def _mean(value_U: Tensor) -> float | None:
    mean = float(value_U.nanmean())
    return None if math.isnan(mean) else round(mean, 4)
