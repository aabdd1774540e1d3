"""Measuring the engine; what is measured, not how fast it is."""

from pathlib import Path

import polars as pl
import pytest

from seqrec.benchmark.prepare import generate, measure_prepare


def test_generated_interactions_are_skewed_and_the_same_again(tmp_path: Path):
    one, two, other = (tmp_path / name for name in ("one", "two", "other"))
    generate(one, 30_000, seed=1)
    generate(two, 30_000, seed=1)
    generate(other, 30_000, seed=2)
    assert one.read_bytes() == two.read_bytes() != other.read_bytes()
    frame = pl.read_parquet(one)
    assert frame.shape == (30_000, 3) and frame["user_id"].n_unique() == 600
    popular = frame["item_id"].value_counts(sort=True)["count"]
    assert len(popular) == 120 and 1.6 < popular[0] / popular[1] < 2.5


def test_a_preparation_is_measured_in_a_process_of_its_own():
    measured = measure_prepare(5000)
    assert measured["rows"] == 5000
    assert measured["rows_per_s"] == pytest.approx(5000 / measured["seconds"])
    assert 50 < measured["peak_mb"] < 2000
