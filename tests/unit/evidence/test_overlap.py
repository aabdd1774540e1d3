"""Rank-biased overlap against the formula, term by term, and against known values."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqrec.evidence import overlap
from seqrec.evidence.overlap import rbo


def naive(one, two, p):
    """Equation 32 of Webber et al. 2010, with sets."""
    short, long = sorted((one, two), key=len)
    s, n = len(short), len(long)
    if n == 0:
        return 1.0
    if s == 0:
        return 0.0

    def common(d):
        return len(set(short[:d]) & set(long[:d]))

    total = sum(common(d) / d * p**d for d in range(1, n + 1))
    total += sum(common(s) * (d - s) / (s * d) * p**d for d in range(s + 1, n + 1))
    return (1 - p) / p * total + ((common(n) - common(s)) / n + common(s) / s) * p**n


def padded(lists, k):
    return np.array([[*each, *[-1] * (k - len(each))] for each in lists])


lists = st.lists(st.integers(0, 8), unique=True, max_size=6)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(lists, lists), min_size=1, max_size=5), st.sampled_from([0.5, 0.9]))
def test_it_is_the_formula(pairs, p):
    one, two = (padded(each, 6) for each in zip(*pairs, strict=True))
    expected = [naive(a, b, p) for a, b in pairs]
    np.testing.assert_allclose(rbo(one, two, p=p), expected, rtol=0, atol=1e-12)


def test_known_values():
    one = np.array([[1, 2, 3], [1, 2, 3], [1, 2, 3], [-1, -1, -1]])
    two = np.array([[1, 2, 3], [4, 5, 6], [3, 2, 1], [-1, -1, -1]])
    # the same items in reverse: X = 0, 1, 3, so 0.1 / 0.9 (0.81 / 2 + 0.729) + 0.729
    expected = [1, 0, 0.1 / 0.9 * (0.405 + 0.729) + 0.729, 1]
    np.testing.assert_allclose(rbo(one, two), expected, atol=1e-12)


def test_many_lists_are_compared_in_parts(monkeypatch):
    rng = np.random.default_rng(0)
    one, two = (rng.permuted(np.tile(np.arange(12), (50, 1)), axis=1)[:, :5] for _ in range(2))
    whole = rbo(one, two)
    monkeypatch.setattr(overlap, "CELLS", 25 * 7)
    np.testing.assert_array_equal(rbo(one, two), whole)
    assert rbo(one[:0], two[:0]).shape == (0,)


def test_the_first_places_count_most():
    base = np.arange(10)[None]
    top, low = base.copy(), base.copy()
    top[0, 0], low[0, 9] = 99, 99
    assert rbo(base, top)[0] < rbo(base, low)[0] < 1
    assert rbo(base, low)[0] == pytest.approx(rbo(low, base)[0])
