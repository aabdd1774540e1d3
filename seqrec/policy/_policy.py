"""What every policy promises, and the probabilities of slates that were shown.

A policy fills the slots of a slate from the top. Each slot's item is drawn from the candidates that
no slot above it shows, and the probability of what was drawn is the slot's *conditional*
propensity; their product is the propensity of the slate. Arrays have the shapes ``N`` slates, ``M``
candidates and ``K`` slots.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Shown:
    """What a policy chose.

    Args:
        order_K: positions of the shown items in the candidates, from the first slot on.
        propensity_K: conditional propensity of each slot.
    """

    order_K: Ints
    propensity_K: Floats


class Policy(Protocol):
    """What is shown of candidates, which are ranked, best first.

    ``explores`` says if every candidate can be shown, so that the log of this policy tells
    something about others. ``candidates`` is how many items it chooses from; None: those that it
    shows.
    """

    explores: ClassVar[bool]
    candidates: int | None

    def choose(self, score_M: Floats, slots: int, rng: np.random.Generator) -> Shown:
        """Fill ``min(slots, M)`` slots.

        Args:
            score_M: finite scores of the candidates, best first.
            slots: length of the slate, at least 0.
            rng: what all randomness comes from.
        """
        ...

    def next(self, score_NM: Floats, free_NM: Bools) -> Floats:
        """Return the probability of each candidate for the next slot.

        Args:
            score_NM: scores, best first.
            free_NM: the candidates that no slot above shows; absent ones are never free.

        Returns:
            Float64 ``(N, M)``. Each row sums to 1 over the free candidates, or to 0 if none is.
        """
        ...


def above(score_NM: Floats, order_NK: Ints) -> Iterator[tuple[Ints, Bools]]:
    """Walk through the slots of slates from the top.

    Args:
        score_NM: scores of the candidates, -inf where a slate has fewer than M.
        order_NK: positions of the shown items; -1 where a slate is shorter, or where an item isn't
            among the candidates.

    Yields:
        For each slot: the positions of its items ``(N,)``, and the free candidates ``(N, M)``.
    """
    free_NM = np.isfinite(score_NM)
    for order_N in order_NK.T:
        yield order_N, free_NM
        known = np.flatnonzero(order_N >= 0)
        free_NM = free_NM.copy()
        free_NM[known, order_N[known]] = False


def propensities(policy: Policy, score_NM: Floats, order_NK: Ints) -> Floats:
    """Return the conditional propensities that slates have under a policy.

    Args:
        policy: any policy, not only the one that showed them.
        score_NM: scores of the candidates, best first, -inf where a slate has fewer than M.
        order_NK: positions of the shown items; -1: not among the candidates, which has
            probability 0.

    Returns:
        Float64 ``(N, K)``.
    """
    rows = np.arange(len(order_NK))
    filled = [
        np.where(order_N >= 0, policy.next(score_NM, free_NM)[rows, order_N], 0.0)
        for order_N, free_NM in above(score_NM, order_NK)
    ]
    return np.stack(filled, axis=1) if filled else np.zeros(order_NK.shape)
