"""Distances of distributions, and jumps, against closed forms and by simulation."""

import math

import numpy as np
import pytest

from seqrec.evidence.means import clustered, units_needed
from seqrec.evidence.sequence import Interval
from seqrec.evidence.shares import counts_of, gini, jumps, psi


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


def test_a_jump_needs_more_than_twice_the_share_and_more_than_chance():
    before = np.array([100, 10, 0, 2, 4_888])
    now = np.array([150, 60, 40, 6, 4_744])  # 1.5, 6, from nothing, 3 of a few, the rest
    assert jumps(now, before).tolist() == [False, True, True, False, False]
    assert jumps(now, before, ratio=10).tolist() == [False] * 5


def test_the_tail_is_bounded_by_what_it_bounds():
    """Whatever is called a jump is one by the exact binomial tail, too."""
    total, alpha = 5_000, 0.05
    for before in (0, 1, 5, 20):
        for now in range(1, 120):
            rest = np.array([now, total - now]), np.array([before, total - before])
            chance, n = 2 / 3, now + before
            exact = sum(
                math.comb(n, x) * chance**x * (1 - chance) ** (n - x) for x in range(now, n + 1)
            )
            if jumps(*rest, alpha=alpha)[0]:
                assert exact <= alpha / 2


def test_no_jump_is_named_where_shares_only_doubled():
    rng, named = np.random.default_rng(0), 0
    share = rng.dirichlet(np.full(200, 0.3))
    twice = share.copy()
    twice[:20] = 2 * share[:20]
    twice[20:] *= (1 - twice[:20].sum()) / share[20:].sum()
    for _ in range(200):
        now, before = rng.multinomial(5_000, twice), rng.multinomial(5_000, share)
        named += jumps(now, before).any()
    assert named <= 10  # one in twenty


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
