"""Sums without rounding."""

from fractions import Fraction

import numpy as np
import pytest
from helpers.experiments import root, store_of

from seqrec.build import count
from seqrec.config.make import make
from seqrec.counts import exact
from seqrec.counts.exact import exact_sum


@pytest.mark.parametrize("at_once", [1, 7, 1 << 18])
def test_a_sum_is_exact_in_any_order_and_parts(monkeypatch, at_once):
    monkeypatch.setattr(exact, "AT_ONCE", at_once)
    rng = np.random.default_rng(0)
    values = rng.normal(size=400) * 10.0 ** rng.integers(-200, 200, 400)
    expected = sum(map(Fraction, values.tolist()))
    assert exact_sum(values) == exact_sum(values[::-1]) == expected
    assert exact_sum(values[:100]) + exact_sum(values[100:]) == expected


def test_what_rounding_would_lose_is_kept():
    assert exact_sum(np.array([1e17, 1.0, -1e17])) == 1
    assert exact_sum(np.array([2.0**-1074, 1.0])) == 1 + Fraction(1, 2**1074)
    assert exact_sum(np.zeros(3)) == exact_sum(np.zeros(0)) == 0


def test_the_mean_rating_is_that_of_the_ratings_there_are(tmp_path):
    config = root()
    store = store_of(config, tmp_path)
    splits = make(config.split)(store)
    rated = np.arange(store.n_interactions) % 3 > 0  # the events of a log have none
    rating = np.where(rated, np.arange(len(rated)) % 5, np.nan).astype(np.float32)
    store.rating = rating
    known = rating[splits.train.positions()]
    assert count(store, splits).rating_mean == pytest.approx(np.nanmean(known))
