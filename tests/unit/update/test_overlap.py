"""The overlap of ranked lists."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqrec.update.overlap import rbo


def by_the_formula(a, b, p):
    """Webber et al. 2010, equation 32, a list at a time."""
    k = len(a)
    shared = [len(set(a[:d]) & set(b[:d])) for d in range(1, k + 1)]
    return shared[-1] / k * p**k + (1 - p) / p * sum(x / d * p**d for d, x in enumerate(shared, 1))


LIST = st.permutations(range(1, 9)).map(lambda order: order[:5])


@settings(max_examples=30, deadline=None)
@given(a=LIST, b=LIST, p=st.sampled_from([0.5, 0.9]))
def test_it_is_the_published_formula(a, b, p):
    found = rbo(np.array([a]), np.array([b]), p)
    assert found == pytest.approx([by_the_formula(a, b, p)])


def test_equal_lists_overlap_wholly_and_disjoint_ones_not_at_all():
    a = np.array([[1, 2, 3], [4, 5, 6]])
    assert rbo(a, a) == pytest.approx([1, 1]) and rbo(a, a + 3)[1] == 0
    assert rbo(np.zeros((1, 3)), np.zeros((1, 3))) == 0  # nothing is recommended to anybody
