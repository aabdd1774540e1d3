"""What every policy promises, and that policies which break a promise are found out."""

import numpy as np
import pytest
from helpers.components import component, names

from seqrec.policy import Shown, above, propensities

SCORES = np.array([2.0, 1.5, 1.5, 0.2, -1.0, -4.0])
SLOTS, DRAWS = 3, 4000
every = pytest.mark.parametrize("name", names("policy"))


def drawn(policy, *, slots=SLOTS, draws=DRAWS, seed=0):
    """Slates of one set of candidates: positions and propensities, both ``(draws, slots)``."""
    rng = np.random.default_rng(seed)
    shown = [policy.choose(SCORES, slots, rng) for _ in range(draws)]
    return np.stack([s.order_K for s in shown]), np.stack([s.propensity_K for s in shown])


def check_sums(policy):
    order_NK, _ = drawn(policy, slots=len(SCORES), draws=50)
    score_NM = np.tile(np.append(SCORES, -np.inf), (50, 1))
    for _, free_NM in above(score_NM, order_NK):
        chance_NM = policy.next(score_NM, free_NM)
        np.testing.assert_allclose(chance_NM.sum(1), 1, rtol=1e-12)
        assert (chance_NM[~free_NM] == 0).all()
        assert (chance_NM >= 0).all()
        if policy.explores:
            assert (chance_NM[free_NM] > 0).all()


def check_propensities(policy):
    order_NK, propensity_NK = drawn(policy, draws=200)
    assert all(len(set(order_K)) == SLOTS for order_K in order_NK.tolist())
    again = propensities(policy, np.tile(SCORES, (200, 1)), order_NK)
    np.testing.assert_allclose(propensity_NK, again, rtol=1e-12)


def check_frequencies(policy):
    """Each slate comes as often as the product of its propensities says (chi-square, p > 0.001)."""
    order_NK, propensity_NK = drawn(policy)
    _, first, seen = np.unique(order_NK, axis=0, return_index=True, return_counts=True)
    expected = propensity_NK[first].prod(1) * DRAWS
    often = expected >= 5
    rest = DRAWS - expected[often].sum()
    off = ((seen[often] - expected[often]) ** 2 / expected[often]).sum()
    if rest > 1:
        off += (DRAWS - seen[often].sum() - rest) ** 2 / rest
    freedom = often.sum() - (rest <= 1)
    spread = 2 / (9 * max(freedom, 1))  # Wilson and Hilferty 1931: the 0.999 quantile
    assert off <= freedom * (1 - spread + 3.09 * spread**0.5) ** 3 + 1e-9


def check_repeats(policy):
    first, second = drawn(policy, draws=20), drawn(policy, draws=20)
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one, other)
    differ = (first[0] != drawn(policy, draws=20, seed=1)[0]).any()
    assert differ == policy.explores


def check_few(policy):
    rng = np.random.default_rng(0)
    assert sorted(policy.choose(SCORES[:2], SLOTS, rng).order_K.tolist()) == [0, 1]
    assert policy.choose(SCORES[:0], SLOTS, rng).order_K.shape == (0,)
    assert policy.choose(SCORES, 0, rng).propensity_K.shape == (0,)


CHECKS = [check_sums, check_propensities, check_frequencies, check_repeats, check_few]


@every
@pytest.mark.parametrize("check", CHECKS)
def test_a_policy_keeps_its_contract(name, check):
    options = {"epsilon": 0.4} if name == "epsilon_swap" else {}  # else few slates are frequent
    check(component("policy", name, **options))


def test_what_a_policy_could_not_show_has_propensity_zero():
    policy = component("policy", "plackett_luce")
    found = propensities(policy, SCORES[None], np.array([[0, -1, 1]]))
    assert found[0, 1] == 0
    assert found[0, 2] > 0


def test_no_propensity_of_plackett_luce_is_below_its_floor():
    policy = component("policy", "plackett_luce", temperature=1e-3, floor=0.06)
    chance_NM = policy.next(SCORES[None], np.ones((1, len(SCORES)), bool))
    np.testing.assert_allclose(chance_NM[0, 3:], 0.01, rtol=1e-9)


def test_scores_far_from_each_other_lose_nothing():
    policy = component("policy", "plackett_luce")
    shown = policy.choose(np.array([1e6, 0.0, -1e6]), 3, np.random.default_rng(0))
    assert shown.order_K.tolist()[0] == 0
    assert (shown.propensity_K > 0).all()


class Skewed:
    """Says that all candidates are equally likely, and prefers the first."""

    explores, candidates = True, 6

    def choose(self, score_M, slots, rng):
        chance = np.linspace(2, 1, len(score_M))
        order_K = rng.choice(len(score_M), size=slots, replace=False, p=chance / chance.sum())
        return Shown(order_K, 1 / (len(score_M) - np.arange(slots)))

    def next(self, score_NM, free_NM):
        return free_NM / np.maximum(free_NM.sum(1, keepdims=True), 1)


class Marginal(Skewed):
    """Divides by all candidates, not by those that are left."""

    def next(self, score_NM, free_NM):
        return free_NM / free_NM.shape[1]


class Stuck(Skewed):
    """Has a generator of its own."""

    def choose(self, score_M, slots, rng):
        return super().choose(score_M, slots, np.random.default_rng(0))


@pytest.mark.parametrize(
    ("broken", "check"),
    [
        (Skewed, check_frequencies),
        (Marginal, check_sums),
        (Marginal, check_propensities),
        (Stuck, check_repeats),
        (Skewed, check_few),
    ],
)
def test_a_broken_one_fails(broken, check):
    with pytest.raises((AssertionError, ValueError)):
        check(broken())
