"""What estimators need, from slates and two policies."""

from collections.abc import Collection
from dataclasses import dataclass, fields
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from seqrec.estimator import Evidence
from seqrec.offpolicy.additive import additive_weights
from seqrec.offpolicy.arrays import Floats, Ints, Ranked, Slates, places
from seqrec.offpolicy.prediction import Prediction
from seqrec.policy import Policy, above

CELLS = 1 << 20  # candidates at once
DRAWS = 16  # slates that are drawn for each that was shown, where a sum over all is too long
OFTEN = 10.0  # what the target shows more than so many times as often doesn't overlap


@dataclass(frozen=True)
class Cover:
    """How much of what the target shows the log can tell, of each slate.

    Args:
        support_N: share of the target's choices, over slots, that logging could have made.
        overlap_N: share of them that logging makes at least a tenth as often.
    """

    support_N: Floats
    overlap_N: Floats

    def rows(self, chosen_N: NDArray[np.bool_]) -> "Cover":
        """Return some of the slates."""
        return Cover(self.support_N[chosen_N], self.overlap_N[chosen_N])


Part = TypeVar("Part", Evidence, Cover)


@dataclass(frozen=True)
class Pair:
    """The policy that showed slates, and the target's.

    Args:
        logging: chose from the slates' own candidates.
        target: chooses from the target's.
    """

    logging: Policy
    target: Policy


def evidence_of(
    slates: Slates,
    target: Ranked,
    pair: Pair,
    prediction: Prediction,
    *,
    needs: Collection[str],
    rng: np.random.Generator,
) -> tuple[Evidence, Cover]:
    """Return what is known about slates that one policy showed.

    Args:
        slates: the slates.
        target: the candidates of the target for the same requests.
        pair: both policies.
        prediction: of what slots earn.
        needs: what the estimators need beside rewards and propensities.
        rng: what the slates that are drawn come from.
    """
    step = max(1, CELLS // max(1, target.item_NM.shape[1]))
    chunks = [slice(first, first + step) for first in range(0, len(slates), step)]
    parts = [
        _known(slates.rows(chunk), target.rows(chunk), pair, prediction, needs, rng)
        for chunk in chunks
    ]
    return joined([evidence for evidence, _ in parts]), joined([cover for _, cover in parts])


def joined(parts: list[Part]) -> Part:
    """Return parts as one, row after row."""
    kind = type(parts[0])
    return kind(
        *(np.concatenate([getattr(p, field.name) for p in parts]) for field in fields(kind))
    )


def _known(
    slates: Slates,
    target: Ranked,
    pair: Pair,
    prediction: Prediction,
    needs: Collection[str],
    rng: np.random.Generator,
) -> tuple[Evidence, Cover]:
    own, present_NK, look_NK = slates.candidates, slates.present, prediction.looks(slates)
    liking_NM = prediction.likings(slates, target.item_NM)
    order_NK, own_NK = places(target.item_NM, slates.item_NK), places(own.item_NM, slates.item_NK)
    among_NM = places(own.item_NM, target.item_NM)  # the target's candidates among the logged ones
    rows, shape = np.arange(len(slates)), order_NK.shape
    target_NK, expected_NK = np.zeros(shape), np.zeros(shape)
    support_NK, overlap_NK = np.zeros(shape), np.zeros(shape)
    walk = zip(above(target.score_NM, order_NK), above(own.score_NM, own_NK), strict=True)
    for slot, ((order_N, free_NM), (_, own_free_NM)) in enumerate(walk):
        chance_NM = pair.target.next(target.score_NM, free_NM)
        logged_NM = pair.logging.next(own.score_NM, own_free_NM)
        logged_NM = np.take_along_axis(logged_NM, np.maximum(among_NM, 0), 1) * (among_NM >= 0)
        target_NK[:, slot] = np.where(order_N >= 0, chance_NM[rows, order_N], 0.0)
        expected_NK[:, slot] = (chance_NM * liking_NM).sum(1) * look_NK[:, slot]
        support_NK[:, slot] = (chance_NM * (logged_NM > 0)).sum(1)
        overlap_NK[:, slot] = (chance_NM * (logged_NM * OFTEN >= chance_NM)).sum(1)
    at_target_NK, expected_N = np.ones(shape), np.zeros(len(slates))
    at_logged_NK = np.ones(shape)
    if {"slots", "slates"} & set(needs):
        at_target_NK, expected_N = _played(
            pair.target, target.score_NM, order_NK, liking_NM, look_NK, rng
        )
    if "slots" in needs:
        own_liking_NM = np.zeros(own.score_NM.shape)
        at_logged_NK, _ = _played(pair.logging, own.score_NM, own_NK, own_liking_NM, look_NK, rng)
    additive_N = np.ones(len(slates))
    if "pairs" in needs:
        scores = own.score_NM, target.score_NM
        additive_N = additive_weights(pair.logging, pair.target, *scores, own_NK, among_NM)
    slots_N = np.maximum(present_NK.sum(1), 1)
    evidence = Evidence(
        reward_NK=slates.reward_NK,
        logged_NK=slates.propensity_NK,
        target_NK=np.where(present_NK, target_NK, 1.0),
        logged_slot_NK=np.where(present_NK, at_logged_NK, 1.0),
        target_slot_NK=np.where(present_NK, at_target_NK, 1.0),
        predicted_NK=look_NK * prediction.likings(slates, slates.item_NK),
        expected_NK=expected_NK,
        expected_N=expected_N,
        additive_N=additive_N,
        session_N=slates.session_N,
    )
    return evidence, Cover(
        (support_NK * present_NK).sum(1) / slots_N, (overlap_NK * present_NK).sum(1) / slots_N
    )


def _played(
    policy: Policy,
    score_NM: Floats,
    order_NK: Ints,
    liking_NM: Floats,
    look_NK: Floats,
    rng: np.random.Generator,
) -> tuple[Floats, Floats]:
    """Let a policy show slates; return ``(at_NK, expected_N)``, means over what it draws.

    ``at_NK`` is the probability of each given item at its slot, whatever is above. It is a mean
    over the drawn slates and the given one, so it is above 0 where the given one can be drawn.
    ``expected_N`` is what the slates are predicted to earn, without bias.
    """
    rows = np.arange(len(score_NM))
    at_NK, expected_N = np.zeros(order_NK.shape), np.zeros(len(score_NM))
    for draw in range(DRAWS + 1):
        free_NM = np.isfinite(score_NM)
        for slot, order_N in enumerate(order_NK.T):
            chance_NM = policy.next(score_NM, free_NM)
            at_NK[:, slot] += np.where(order_N >= 0, chance_NM[rows, order_N], 0.0)
            if draw < DRAWS:
                expected_N += (chance_NM * liking_NM).sum(1) * look_NK[:, slot]
                total_NM = np.cumsum(chance_NM, axis=1)
                even_N1 = rng.random((len(rows), 1)) * total_NM[:, -1:]
                next_N = (total_NM > even_N1).argmax(1)
                free_NM[rows, next_N] = False
            else:
                known = order_N >= 0
                free_NM[rows[known], order_N[known]] = False
    return at_NK / (DRAWS + 1), expected_N / DRAWS
