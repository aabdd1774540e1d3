"""Distances of distributions, and jumps, against closed forms and by simulation."""

import math

import numpy as np
import pytest

from seqrec.evidence.means import clustered, units_needed
from seqrec.evidence.sequence import Interval
from seqrec.evidence.shares import counts_of, gini, growth, psi


def test_psi_is_both_divergences():
    a, e = np.array([9.5, 89.5]), np.array([49.5, 49.5])  # shares 0.1, 0.9 and 0.5, 0.5
    expected = (0.1 - 0.5) * math.log(0.1 / 0.5) + (0.9 - 0.5) * math.log(0.9 / 0.5)
    assert psi(a, e) == pytest.approx(expected)
    assert psi(e, a) == pytest.approx(expected)
    assert psi(a, a) == 0
    np.testing.assert_allclose(psi(np.stack([a, e]), e), [expected, 0])
    assert np.isfinite(psi([0, 10], [10, 0]))


def test_gini_of_known_distributions():
    assert gini([3, 3, 3, 3]) == pytest.approx(0)
    assert gini([0, 0, 0, 8]) == pytest.approx(0.75)
    values = np.random.default_rng(0).integers(0, 50, 30)
    pairs = np.abs(np.subtract.outer(values, values)).mean() / (2 * values.mean())
    assert gini(values) == pytest.approx(pairs)
    assert gini([0, 0]) == 0


def test_counts_leave_padding_out():
    assert counts_of(np.array([[0, 2, -1], [2, -1, -1]]), 4).tolist() == [1, 0, 2, 0]


def test_growth_is_told_where_it_is_beyond_chance():
    before = np.array([100, 10, 0, 2, 4_888])
    now = np.array([150, 60, 40, 6, 4_744])  # 1.5-fold, 6-fold, from nothing, 3-fold of few
    assert (growth(now, before) > 2).tolist() == [False, True, True, False, False]
    assert not (growth(now, before) > 10).any()
    assert growth([0, 5], [5, 0])[0] == 0 and np.isfinite(growth([0, 5], [0, 0])).all()


def test_the_tail_is_bounded_by_what_it_bounds():
    """Whatever is beyond chance is so by the exact binomial tail, too."""
    total, alpha = 5_000, 0.05
    for before in (0, 1, 5, 20):
        for now in range(1, 120):
            n, chance = now + before, 2 / 3
            exact = sum(
                math.comb(n, x) * chance**x * (1 - chance) ** (n - x) for x in range(now, n + 1)
            )
            if growth([now, total - now], [before, total - before], alpha=alpha)[0] > 2:
                assert exact <= alpha / 2


def test_no_growth_is_overstated():
    rng, wrong = np.random.default_rng(0), 0
    share = rng.dirichlet(np.full(200, 0.3))
    twice = share.copy()
    twice[:20] = 2 * share[:20]
    twice[20:] *= (1 - twice[:20].sum()) / share[20:].sum()
    for _ in range(200):
        now, before = rng.multinomial(5_000, twice), rng.multinomial(5_000, share)
        wrong += (growth(now, before) > twice / share).any()
    assert wrong <= 10  # one in twenty


def test_an_interval_over_sessions_knows_that_their_events_depend():
    """It covers the mean as promised; one that takes events as independent wouldn't."""
    rng, covered, naive = np.random.default_rng(3), 0, 0
    for _ in range(400):
        session = np.repeat(np.arange(60), rng.integers(1, 9, 60))
        values = rng.normal(0, 1, 60)[session] + rng.normal(0, 0.3, session.size)
        found = clustered(values, session)
        covered += found.lower <= 0 <= found.upper
        naive += abs(values.mean()) <= 1.96 * values.std() / np.sqrt(values.size)
    assert 0.91 <= covered / 400 <= 0.98 and naive / 400 < 0.85


def test_an_interval_of_single_events_is_the_one_of_every_book():
    values = np.random.default_rng(4).random(50)
    found = clustered(values, np.arange(50))
    half = 1.959964 * values.std(ddof=1) / np.sqrt(50)
    assert found.upper - found.estimate == pytest.approx(half, rel=1e-5)
    assert clustered([], []).units == 0 and clustered([1.0], ["a"]).upper == np.inf


def test_what_more_is_needed_grows_as_the_square():
    assert units_needed(Interval(1.0, 0.0, 2.0, 100), bar=0.5) == 300
    assert units_needed(Interval(1.0, 0.9, 1.1, 100), bar=0.5) == 0
    assert units_needed(Interval(1.0, 0.0, 2.0, 100), bar=1.0) == 0
