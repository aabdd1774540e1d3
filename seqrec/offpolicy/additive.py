"""Weights of slates whose rewards are sums over their slots: the pseudo-inverse estimator's.

Of a request with M candidates and K slots, let 1_s be the vector of the slots' items, one of K M
entries, and G the mean of 1_s 1_s' over the slates that the logging policy shows. If what a slate
earns is linear in 1_s, ``q' G+ 1_s`` is its weight, where q is the mean of 1_s over the target's
slates (Swaminathan et al. 2017, equation 4). Both means are exact here: sums over all slates.
"""

import math
from functools import cache
from itertools import permutations

import numpy as np
from numpy.typing import NDArray

from seqrec.errors import DataError
from seqrec.offpolicy.arrays import Floats, Ints
from seqrec.policy import Policy

CELLS = 1 << 25  # slates times pairs of entries: a quarter of a GiB
AT_ONCE = 1 << 22  # slates of requests that are walked through at once
RANK = 1e-10  # eigenvalues below this share of the largest are 0


def additive_weights(
    logging: Policy,
    target: Policy,
    own_NM: Floats,
    score_NM: Floats,
    shown_NK: Ints,
    among_NM: Ints,
) -> Floats:
    """Return the weight of each slate: (N,).

    Args:
        logging: showed the slates.
        target: might show others.
        own_NM: scores of the logged candidates, best first, -inf from where there are no more.
        score_NM: those of the target's.
        shown_NK: positions of the shown items among the logged candidates, -1 at absent slots.
        among_NM: positions of the target's candidates there, -1 for those that aren't.

    Raises:
        DataError: there are too many slates to sum over.
    """
    sizes_N3 = np.stack(
        [np.isfinite(own_NM).sum(1), np.isfinite(score_NM).sum(1), (shown_NK >= 0).sum(1)], axis=1
    )
    weight_N = np.ones(len(own_NM))
    for own, other, slots in np.unique(sizes_N3, axis=0).tolist():
        rows = np.flatnonzero((sizes_N3 == (own, other, slots)).all(1))
        if not slots:
            continue
        check_size(own, slots)
        check_size(other, min(slots, other))
        step = max(1, AT_ONCE // math.perm(max(own, other), slots))
        for first in range(0, len(rows), step):
            some = rows[first : first + step]
            mean_SM = _means(target, score_NM[some, :other], slots)
            weight_N[some] = _weights(
                _moments(logging, own_NM[some, :own], slots),
                _moved(mean_SM, among_NM[some, :other], own),
                shown_NK[some, :slots],
            )
    return weight_N


def check_size(candidates: int, slots: int) -> None:
    """Refuse requests with more slates than can be summed over.

    Raises:
        DataError: there are.
    """
    if math.perm(candidates, slots) * (candidates * slots) ** 2 > CELLS:
        raise DataError(
            f"pi sums over all slates, and {candidates} candidates in {slots} slots have "
            f"{math.perm(candidates, slots):,}",
            where="estimators",
            todo="choose iips or cascade_dr, which take slot by slot",
        )


def _weights(moment_NEE: Floats, mean_NSM: Floats, shown_NS: Ints) -> Floats:
    count, slots, size = mean_NSM.shape
    inverse_NEE = np.linalg.pinv(moment_NEE, rcond=RANK, hermitian=True)
    linear_NE = np.einsum("ne,nef->nf", mean_NSM.reshape(count, -1), inverse_NEE)
    entry_NS = np.arange(slots) * size + shown_NS
    return np.take_along_axis(linear_NE, entry_NS, 1).sum(1)


def _moments(policy: Policy, score_NM: Floats, slots: int) -> Floats:
    """Return the mean of 1_s 1_s' over a policy's slates: (N, E, E), E = slots x candidates."""
    entries = slots * score_NM.shape[1]
    flat = _chances(policy, score_NM, slots) @ _pairs(score_NM.shape[1], slots)
    return flat.reshape(-1, entries, entries)


def _means(policy: Policy, score_NM: Floats, slots: int) -> Floats:
    """Return the probability of each candidate at each slot: (N, S, M)."""
    flat = _chances(policy, score_NM, slots) @ _entries(score_NM.shape[1], slots)
    return flat.reshape(-1, slots, score_NM.shape[1])


def _moved(mean_NSM: Floats, among_NM: Ints, size: int) -> Floats:
    """Return probabilities by the logged candidates; what isn't among them is left out."""
    moved = np.zeros((*mean_NSM.shape[:2], size + 1))
    place = np.broadcast_to(np.where(among_NM >= 0, among_NM, size)[:, None], mean_NSM.shape)
    np.put_along_axis(moved, place, mean_NSM, 2)
    return moved[:, :, :size]


def _chances(policy: Policy, score_NM: Floats, slots: int) -> Floats:
    """Return the probability of every slate, in the order of :func:`_slates`: (N, P)."""
    count, size = score_NM.shape
    chance_NP = np.ones((count, 1))
    for depth in range(slots):
        free_PM = np.ones((chance_NP.shape[1], size), dtype=bool)
        if depth:
            np.put_along_axis(free_PM, _slates(size, depth), False, 1)
        free = np.broadcast_to(free_PM, (count, *free_PM.shape)).reshape(-1, size)
        next_ = policy.next(np.repeat(score_NM, len(free_PM), axis=0), free)
        grown_NPM = chance_NP[:, :, None] * next_.reshape(count, -1, size)
        chance_NP = grown_NPM[:, free_PM]
    return chance_NP


@cache
def _slates(size: int, slots: int) -> Ints:
    """Return all slates as positions, (P, S): those with the same begin stand together."""
    return np.array([*permutations(range(size), slots)], dtype=np.int64)


@cache
def _entries(size: int, slots: int) -> NDArray[np.float64]:
    """Return 1_s of every slate: (P, E)."""
    slate_PS = _slates(size, slots)
    entry_PE = np.zeros((len(slate_PS), slots * size))
    np.put_along_axis(entry_PE, slate_PS + np.arange(slots) * size, 1.0, 1)
    return entry_PE


@cache
def _pairs(size: int, slots: int) -> NDArray[np.float64]:
    """Return 1_s 1_s' of every slate, flat: (P, E x E)."""
    entry_PE = _entries(size, slots)
    return np.einsum("pe,pf->pef", entry_PE, entry_PE).reshape(len(entry_PE), -1)
