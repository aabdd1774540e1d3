"""Confidence sequences: term by term as published, and by simulation under constant looking."""

import math

import numpy as np
import pytest

from seqrec.evidence.sequence import confidence_sequence, difference


def naive(values, alpha):
    """Theorem 2 of Waudby-Smith and Ramdas, one observation after the other."""
    mean, variance, sums = 0.5, 0.25, [0.5, 0.25]
    bets = bet_values = spread = 0.0
    ends, best = [], [0.0, 1.0]
    for t, x in enumerate(values, start=1):
        bet = min(math.sqrt(2 * math.log(2 / alpha) / (variance * t * math.log(1 + t))), 0.5)
        spread += 4 * (x - mean) ** 2 * (-math.log(1 - bet) - bet) / 4
        bets, bet_values = bets + bet, bet_values + bet * x
        sums[0] += x
        mean = sums[0] / (t + 1)
        sums[1] += (x - mean) ** 2
        variance = sums[1] / (t + 1)
        half = (math.log(2 / alpha) + spread) / bets
        best = [max(best[0], bet_values / bets - half), min(best[1], bet_values / bets + half)]
        ends.append(tuple(best))
    return np.array(ends).T


def test_it_is_the_theorem():
    values = np.random.default_rng(0).beta(2, 5, 300)
    for alpha in (0.05, 0.01):
        got = np.stack(confidence_sequence(values, alpha=alpha))
        np.testing.assert_allclose(got, naive(values, alpha), rtol=0, atol=1e-12)


def test_at_most_one_in_twenty_ever_misses_the_mean_over_all_looks():
    rng, missed = np.random.default_rng(1), 0
    for _ in range(400):
        values = rng.random(1_000) < 0.1
        lower, upper = confidence_sequence(values, alpha=0.05)
        missed += bool((lower > 0.1).any() or (upper < 0.1).any())
    assert missed <= 20


def test_the_interval_of_a_difference_finds_what_is_there():
    rng = np.random.default_rng(2)
    new, old = rng.random(4_000) < 0.05, rng.random(20_000) < 0.12
    found = difference(new, old)
    assert found.lower <= -0.07 <= found.upper < 0
    assert found.units == 24_000 and found.estimate == pytest.approx(-0.07, abs=0.02)


def test_nothing_seen_says_nothing():
    found = difference([], [])
    assert (found.lower, found.upper, found.units) == (-1.0, 1.0, 0)


@pytest.mark.parametrize("value", [-0.1, 1.1, float("nan")])
def test_values_outside_are_refused(value):
    with pytest.raises(ValueError, match="between 0 and 1"):
        confidence_sequence([0.5, value])
