"""Always-valid intervals: term by term as published, and by simulation under constant looking."""

import math

import numpy as np
import pytest

from seqrec.evidence.sequence import FEWEST, contributions, difference, differences, half_width


def naive(rewards, drawn, share, alpha, tightest):
    """Estimates and half-widths, one unit after the other."""
    sums, counts, said, ends = {True: 0.0, False: 0.0}, {True: 0, False: 0}, [], []
    for t, (reward, new) in enumerate(zip(rewards, drawn, strict=True), start=1):
        means = {arm: sums[arm] / counts[arm] if counts[arm] else 0.0 for arm in (True, False)}
        value = means[True] - means[False]
        value += (reward - means[True]) / share if new else -(reward - means[False]) / (1 - share)
        said.append(value)
        sums[new], counts[new] = sums[new] + reward, counts[new] + 1
        variance = max(np.var(said), np.var(rewards[:t]) / share / (1 - share))
        rho = math.sqrt((-2 * math.log(alpha) + math.log(-2 * math.log(alpha)) + 1) / tightest)
        inner = 2 * (t * rho**2 + 1) / (t**2 * rho**2)
        half = math.sqrt(variance * inner * math.log(math.sqrt(t * rho**2 + 1) / alpha))
        ends.append((np.mean(said), half if min(counts.values()) >= FEWEST else math.inf))
    return np.array(ends).T


def test_it_is_the_theorem():
    rng = np.random.default_rng(0)
    new, reward = rng.random(600) < 0.3, rng.beta(2, 5, 600)
    got = differences(reward, new, share=0.3, alpha=0.05, tightest=500)
    expected = naive(reward.tolist(), new.tolist(), 0.3, 0.05, 500)
    np.testing.assert_allclose(np.stack(got), expected, rtol=1e-9, atol=1e-9)


def test_what_units_say_is_the_difference_on_average():
    rng = np.random.default_rng(1)
    new = rng.random(200_000) < 0.05
    reward = np.where(new, 0.2, 0.3) + rng.normal(0, 0.1, new.size)
    said = contributions(reward, new, share=0.05)
    assert said.mean() == pytest.approx(-0.1, abs=0.005)


@pytest.mark.parametrize(("share", "rate"), [(0.05, 0.01), (0.05, 0.3), (0.5, 0.05)])
def test_at_most_one_in_twenty_is_ever_wrong_over_all_looks(share, rate):
    """Two arms that don't differ, looked at after every unit: no false alarm in 95 of 100."""
    rng, wrong, runs = np.random.default_rng(2), 0, 150
    for _ in range(runs):
        new, reward = rng.random(6_000) < share, (rng.random(6_000) < rate).astype(float)
        mean, half = differences(reward, new, share=share)
        wrong += bool((np.abs(mean) > half).any())
    assert wrong <= 0.05 * runs


def test_looking_often_at_an_interval_of_one_look_is_wrong_often():
    """What the sequence is for: the usual interval would call two equal arms different."""
    rng, wrong = np.random.default_rng(2), 0
    for _ in range(50):
        new, reward = rng.random(6_000) < 0.5, (rng.random(6_000) < 0.3).astype(float)
        mean, half = differences(reward, new, share=0.5)
        ordinary = 1.96 * np.sqrt(0.3 * 0.7 * 4 / np.arange(1, 6_001))
        wrong += bool((np.abs(mean) > np.where(np.isinf(half), np.inf, ordinary)).any())
    assert wrong > 10


def test_a_difference_that_is_there_is_found():
    rng = np.random.default_rng(3)
    new = rng.random(20_000) < 0.1
    reward = rng.random(20_000) < np.where(new, 0.05, 0.15)
    found = difference(reward, new, share=0.1)
    assert found.lower <= -0.1 <= found.upper < 0 and found.units == 20_000


def test_few_units_say_nothing():
    assert np.isinf(difference([], [], share=0.1).upper)
    assert np.isinf(difference([1.0] * 50, [True, False] * 25, share=0.5).upper)
    assert np.isinf(difference([1.0], [False], share=0.0).upper)
    assert half_width([]).size == 0
