"""Comparing runs: intervals, differences and p-values hold what they say."""

import numpy as np
import polars as pl
import pytest
from helpers.run_folders import compared, write_run

from seqrec.comparison.estimate.statistics import (
    holm,
    interval,
    p_values,
    pareto_front,
    resampled_rows,
    resampled_sums,
)
from seqrec.comparison.read.find import find_runs


def test_users_with_several_events_are_drawn_whole(tmp_path):
    write_run(tmp_path / "a", per_user=3)
    (run,), _ = find_runs([str(tmp_path)])
    estimate = compared([run], replicates=4000).rows[0].estimates["ndcg@10"]
    assert estimate.mean == pytest.approx(run.results["test/ndcg@10"], abs=1e-12)
    gain = run.ranks.with_columns(
        gain=pl.when(pl.col("rank") <= 10).then(1 / (pl.col("rank") + 1).log(2)).otherwise(0)
    )
    by_user = gain.group_by("user").agg(pl.col("gain").mean())["gain"]
    expected = 2 * 1.96 * by_user.std() / np.sqrt(len(by_user))
    assert estimate.high - estimate.low == pytest.approx(expected, rel=0.1)


def test_draws_vary_as_the_mean_of_users_does():
    value = np.random.default_rng(1).exponential(size=400)
    ones = np.ones_like(value)
    sums = resampled_sums(np.stack([value, ones], 1), replicates=4000)
    means = sums[:, 0] / sums[:, 1]
    assert means.std() == pytest.approx(value.std() / 20, rel=0.05)
    assert means.mean() == pytest.approx(value.mean(), rel=0.01)


def test_draws_vary_as_the_mean_of_runs_does():
    run_means = np.array([0.1, 0.16, 0.25, 0.12])
    replicates = resampled_rows(np.tile(run_means, (20_000, 1)), [[0, 1, 2, 3], [2]])
    assert replicates[:, 0].std() == pytest.approx(run_means.std(ddof=1) / 2, rel=0.03)
    assert (replicates[:, 1] == 0.25).all()


def test_intervals_hold_the_truth_and_equal_models_are_seldom_told_apart():
    """Users and runs vary, as does each pair of them; the truth is 0 for both rows."""
    held, told, trials = 0, 0, 200
    for trial in range(trials):
        random = np.random.default_rng(trial)
        user_U1, run_R = random.normal(size=(120, 1)), random.normal(size=10)
        value_UR = user_U1 + 0.1 * run_R + random.normal(size=(120, 10))
        drawn = resampled_sums(np.c_[value_UR, np.ones(120)], replicates=400, seed=trial)
        rows = resampled_rows(drawn[:, :-1] / drawn[:, -1:], [[*range(5)], [*range(5, 10)]])
        low, high = interval(rows)
        held += low[0] <= 0 <= high[0]
        told += p_values(rows[:, [0]] - rows[:, [1]])[0] <= 0.05
    assert 0.9 <= held / trials <= 0.99
    assert told / trials <= 0.1


def test_a_small_difference_on_the_same_users_is_seen(tmp_path):
    """Each interval is as wide as users differ; the difference isn't."""
    for at, skill in enumerate((1.0, 1.2)):
        for seed in (1, 2, 3):
            folder = tmp_path / f"{at}-{seed}"
            write_run(folder, seed=seed, skill=skill, users=300, settings={"dim": 8 + at})
    better, worse = compared(find_runs([str(tmp_path)])[0]).rows
    assert better.labels == ("9",) and worse.difference.p < 0.01
    assert worse.estimates["ndcg@10"].high > better.estimates["ndcg@10"].low
    assert worse.difference.high < 0


def test_holm_and_p_values_are_as_published():
    adjusted = holm(np.array([0.01, 0.04, 0.03, 0.005]))
    assert adjusted == pytest.approx([0.03, 0.06, 0.06, 0.02])
    difference = np.r_[np.full(95, 1.0), np.full(4, -1.0)][:, None]
    assert p_values(difference) == pytest.approx([2 * 5 / 100])
    assert p_values(np.zeros((99, 1))) == pytest.approx([1])


def test_the_pareto_front_is_what_no_other_beats():
    random = np.random.default_rng(3)
    cost, gain = random.integers(0, 12, 40).astype(float), random.permutation(40).astype(float)
    naive = [
        not any(
            c <= cost[i] and g >= gain[i] and (c, g) != (cost[i], gain[i])
            for c, g in zip(cost, gain, strict=True)
        )
        for i in range(40)
    ]
    assert pareto_front(cost, gain).tolist() == naive
