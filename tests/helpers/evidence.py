"""Evidence of a small world whose values are known exactly, and estimators written as loops."""

from itertools import permutations

import numpy as np

from seqrec.estimator import Evidence
from seqrec.policy import propensities

LOOK = np.array([0.9, 0.6, 0.3])  # how many look at each slot
TASTE = np.array([0.1, 0.5, 0.2, 0.8, 0.3])  # how many of them like each item
SCORES = np.array([1.0, 0.6, 0.3, 0.0, -0.4])
GUESS = np.array([0.2, 0.3, 0.3, 0.4, 0.2])  # a poor model of the taste
SLATES = np.array(list(permutations(range(len(TASTE)), len(LOOK))))


def chances(policy):
    """Conditional propensities ``(S, K)`` of all slates."""
    return propensities(policy, np.tile(SCORES, (len(SLATES), 1)), SLATES)


def value_of(policy):
    """What a slate earns: the sum over all slates."""
    return float(chances(policy).prod(1) @ (LOOK * TASTE[SLATES]).sum(1))


def at_slots(policy):
    """Probability of each item at each slot ``(K, V)``: the sum over all slates."""
    chance_KV = np.zeros((len(LOOK), len(TASTE)))
    for slate, chance in zip(SLATES, chances(policy).prod(1), strict=True):
        chance_KV[range(len(LOOK)), slate] += chance
    return chance_KV


def evidence_of(logging, target, slates, rng):
    """Let the logging policy show slates, all at once by its chances, and users click."""
    score_NM = np.tile(SCORES, (slates, 1))
    free_NM, order_NK = np.ones(score_NM.shape, bool), np.zeros((slates, len(LOOK)), int)
    for slot in range(len(LOOK)):
        below_NM = logging.next(score_NM, free_NM).cumsum(1)
        drawn_N1 = rng.random((slates, 1)) * below_NM[:, -1:]
        order_NK[:, slot] = (drawn_N1 < below_NM).argmax(1)
        free_NM[np.arange(slates), order_NK[:, slot]] = False
    return known_about(logging, target, order_NK, rng)


def known_about(logging, target, order_NK, rng):
    """Everything that estimators may need of given slates."""
    score_NM = np.tile(SCORES, (len(order_NK), 1))
    slots = np.arange(len(LOOK))
    expected_NK, free_NM = np.zeros(order_NK.shape), np.ones(score_NM.shape, bool)
    for slot in slots:
        expected_NK[:, slot] = target.next(score_NM, free_NM) @ GUESS * LOOK[slot]
        free_NM[np.arange(len(order_NK)), order_NK[:, slot]] = False
    at_target = at_slots(target)
    return Evidence(
        reward_NK=(rng.random(order_NK.shape) < LOOK * TASTE[order_NK]).astype(float),
        logged_NK=propensities(logging, score_NM, order_NK),
        target_NK=propensities(target, score_NM, order_NK),
        logged_slot_NK=at_slots(logging)[slots, order_NK],
        target_slot_NK=at_target[slots, order_NK],
        predicted_NK=LOOK * GUESS[order_NK],
        expected_NK=expected_NK,
        additive_N=additive(chances(logging).prod(1), chances(target).prod(1), order_NK),
        expected_N=np.full(len(order_NK), float((at_target @ GUESS) @ LOOK)),
        session_N=np.arange(len(order_NK)),
    )


def additive(logged, wanted, order_NK, slates=SLATES, size=5):
    """Weights of the pseudo-inverse estimator by least squares, from the chances of all slates."""
    entry = [np.eye(size)[slate].ravel() for slate in slates]
    moment = sum(chance * np.outer(one, one) for chance, one in zip(logged, entry, strict=True))
    mean = sum(chance * one for chance, one in zip(wanted, entry, strict=True))
    linear = np.linalg.lstsq(moment, mean, rcond=1e-10)[0].reshape(-1, size)
    return linear[np.arange(order_NK.shape[1]), order_NK].sum(1)


def by_loops(name, e, tau=10.0):
    """The estimators as their papers write them, one slate and one slot at a time."""
    slates, slots = e.reward_NK.shape
    weight, earned, guessed = [], [], []
    for n in range(slates):
        product = 1.0
        for k in range(slots):
            product *= e.target_NK[n, k] / e.logged_NK[n, k]
        weight.append(product)
        earned.append(sum(e.reward_NK[n, k] for k in range(slots)))
        guessed.append(sum(e.predicted_NK[n, k] for k in range(slots)))
    total = sum(weight)
    over = range(slates)
    if name == "ips":
        return sum(weight[n] * earned[n] for n in over) / slates
    if name == "snips":
        return sum(weight[n] * earned[n] for n in over) / total
    expected = sum(e.expected_N[n] for n in over) / slates
    if name == "dr":
        return expected + sum(weight[n] * (earned[n] - guessed[n]) for n in over) / slates
    if name == "sndr":
        return expected + sum(weight[n] * (earned[n] - guessed[n]) for n in over) / total
    if name == "switch_dr":
        kept = [n for n in over if weight[n] <= tau]
        return expected + sum(weight[n] * (earned[n] - guessed[n]) for n in kept) / slates
    if name == "iips":
        ratio = e.target_slot_NK / e.logged_slot_NK
        return sum(ratio[n, k] * e.reward_NK[n, k] for n in over for k in range(slots)) / slates
    if name == "pi":
        return sum(e.additive_N[n] * earned[n] for n in over) / slates
    if name == "delta":
        return by_loops("cascade_dr", e) - sum(earned) / slates
    later = [sum(e.expected_NK[:, j].sum() / slates for j in range(k + 1, slots)) for k in range(3)]
    found = 0.0
    for n in over:
        before = 1.0
        for k in range(slots):
            now = before * e.target_NK[n, k] / e.logged_NK[n, k]
            if name == "rips":
                found += now * e.reward_NK[n, k]
            else:
                assert name == "cascade_dr"
                found += now * (e.reward_NK[n, k] - (e.predicted_NK[n, k] + later[k]))
                found += before * (e.expected_NK[n, k] + later[k])
            before = now
    return found / slates
