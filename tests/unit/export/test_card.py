"""The card says what is known, and that the rest isn't."""

import numpy as np
import polars as pl

from seqrec.export.card import intervals, terms


def test_the_terms_are_those_at_the_head_of_a_configuration():
    assert "no redistribution" in terms("movielens_100k")
    assert "MIT licence" in terms("complete_journey")
    assert terms("files").startswith("Terms: not known")
    assert terms("../../train").startswith("Terms: not known")


def test_intervals_hold_the_mean_and_shrink_with_users():
    rng = np.random.default_rng(0)
    widths = []
    for users in (100, 1600):
        rank = rng.integers(1, 30, users)
        found = intervals(pl.DataFrame({"user": np.arange(users).astype(str), "rank": rank}))
        mean, low, high = found["hit_rate@10"]
        assert mean == (rank <= 10).mean()
        assert low < mean < high
        widths.append(high - low)
    assert 2.5 < widths[0] / widths[1] < 6  # four times, as the root of their number
