"""Weights of the pseudo-inverse estimator, against least squares over all slates."""

from itertools import permutations

import numpy as np
import pytest
from helpers.evidence import additive

from seqrec.errors import DataError
from seqrec.offpolicy.additive import additive_weights
from seqrec.policy import propensities
from seqrec.policy.epsilon_swap import EpsilonSwap
from seqrec.policy.greedy import Greedy
from seqrec.policy.plackett_luce import PlackettLuce


def drawn(rng, count, size, slots):
    """Scores, best first, and slates of them."""
    score_NM = -np.sort(-rng.normal(size=(count, size)))
    shown_NK = np.stack([rng.permutation(size)[:slots] for _ in range(count)])
    return score_NM, shown_NK


def by_least_squares(logging, target, own_NM, score_NM, shown_NK, among_NM):
    weights = []
    for own, score, shown, among in zip(own_NM, score_NM, shown_NK, among_NM, strict=True):
        own, score, shown = own[np.isfinite(own)], score[np.isfinite(score)], shown[shown >= 0]
        slates = np.array([*permutations(range(len(own)), len(shown))])
        others = np.array([*permutations(range(len(score)), len(shown))])
        logged, wanted = (
            propensities(policy, np.tile(of, (len(some), 1)), some).prod(1)
            for policy, of, some in ((logging, own, slates), (target, score, others))
        )
        place = [np.flatnonzero((slates == among[slate]).all(1)) for slate in others]
        moved = np.zeros(len(slates))
        for at, chance in zip(place, wanted, strict=True):
            moved[at] += chance
        weights += list(additive(logged, moved, shown[None], slates, len(own)))
    return np.array(weights)


@pytest.mark.parametrize("size, slots", [(5, 3), (6, 2), (4, 4), (3, 1)])
@pytest.mark.parametrize("target", [PlackettLuce(temperature=0.4), Greedy()])
@pytest.mark.parametrize("logging", [PlackettLuce(), EpsilonSwap(epsilon=0.6)])
def test_weights_are_those_of_least_squares(logging, target, size, slots):
    own_NM, shown_NK = drawn(np.random.default_rng(size), 7, size, slots)
    among_NM = np.stack([np.random.default_rng(n).permutation(size) for n in range(7)])
    given = own_NM, own_NM, shown_NK, among_NM
    expected = by_least_squares(logging, target, *given)
    found = additive_weights(logging, target, *given)
    np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-10)


def test_slates_of_all_sizes_are_told_apart():
    rng, logging, target = np.random.default_rng(0), PlackettLuce(), PlackettLuce(temperature=0.5)
    own_NM, shown_NK = drawn(rng, 6, 5, 3)
    own_NM[:2, 4:], shown_NK[:2] = -np.inf, [[0, 2, -1], [3, 1, -1]]
    shown_NK[5] = -1
    among_NM = np.tile(np.arange(5), (6, 1))
    found = additive_weights(logging, target, own_NM, own_NM, shown_NK, among_NM)
    some = own_NM[:5], own_NM[:5], shown_NK[:5], among_NM[:5]
    np.testing.assert_allclose(
        found[:5], by_least_squares(logging, target, *some), rtol=1e-10, atol=1e-10
    )
    assert found[5] == 1


def test_one_slot_is_weighed_by_its_ratio_and_the_same_policy_by_one():
    own_NM, shown_NK = drawn(np.random.default_rng(0), 50, 6, 1)
    among_NM = np.tile(np.arange(6), (50, 1))
    logging, target = PlackettLuce(), PlackettLuce(temperature=0.3)
    ratio = propensities(target, own_NM, shown_NK) / propensities(logging, own_NM, shown_NK)
    found = additive_weights(logging, target, own_NM, own_NM, shown_NK, among_NM)
    np.testing.assert_allclose(found, ratio[:, 0], rtol=1e-9)
    own_NM, shown_NK = drawn(np.random.default_rng(0), 50, 6, 3)
    same = additive_weights(logging, logging, own_NM, own_NM, shown_NK, among_NM)
    np.testing.assert_allclose(same, 1.0, rtol=1e-9)


def test_more_slates_than_can_be_summed_over_are_refused():
    own_NM, shown_NK = drawn(np.random.default_rng(0), 1, 100, 10)
    among_NM = np.arange(100)[None]
    with pytest.raises(DataError, match="100 candidates in 10 slots"):
        additive_weights(PlackettLuce(), Greedy(), own_NM, own_NM, shown_NK, among_NM)
