"""Bars hold what they say: false alarms without drift, and a planted shift that is found."""

import numpy as np
import pytest

from seqrec.drift.bars import bars, rate, replayed, statistic
from seqrec.drift.units import Counts, Units
from seqrec.drift.watch import DRIFT, FEW, STEADY, verdict_of, watch
from seqrec.evidence.finding import Verdict
from seqrec.evidence.shares import psi

REFERENCE, WINDOW = 400, 120


def sessions(rng, size, *, shift=0.0, click=0.3):
    """Sessions of one to six events over twelve bins, a rate, and weights of mean 1."""
    share = np.arange(12, 0, -1) ** 1.5
    share = share / share.sum()
    share[-1] += shift
    taste = rng.dirichlet(20 * share / share.sum(), size)  # sessions differ in what they like
    events = np.stack(
        [rng.multinomial(n, p) for n, p in zip(rng.integers(1, 7, size), taste, strict=True)]
    )
    lists = rng.integers(1, 4, size)
    weights = rng.gamma(2, 0.5, size) * lists
    return {
        "items": Counts(events.astype(float), tuple("abcdefghijkl")),
        "hit rate": Counts(np.stack([rng.binomial(lists, click), lists], 1).astype(float)),
        "propensities": Counts(np.stack([weights, lists], 1), (), 1.0),
    }


def alarmed(rng, *, alpha=0.05, replays=300, **changes):
    reference, now = sessions(rng, REFERENCE), sessions(rng, WINDOW, **changes)
    bar = bars(reference, window=WINDOW, replays=replays, alpha=alpha)
    found = {}
    for name, counts in now.items():
        sums = counts.sum_SB.sum(0), reference[name].sum_SB.sum(0)
        found[name] = float(statistic(*sums, counts, target=counts.target)) > bar[name]
    return found


@pytest.mark.slow
def test_one_in_twenty_windows_without_drift_is_alarmed():
    rng, runs = np.random.default_rng(0), 150
    alarms = sum(any(alarmed(rng, replays=200).values()) for _ in range(runs))
    assert alarms <= 0.05 * runs + 2 * (0.05 * 0.95 * runs) ** 0.5  # two standard errors
    assert alarms >= 2  # the bars aren't so high that nothing is ever alarmed


def test_a_planted_shift_is_found_in_its_window_and_named():
    for seed in range(5):
        rng = np.random.default_rng(seed)
        assert alarmed(rng, shift=0.15)["items"]
        assert alarmed(rng, click=0.12)["hit rate"]


def test_few_replays_without_drift_exceed_any_bar():
    """What the bars are chosen for, on the replays that they were chosen by."""
    reference = sessions(np.random.default_rng(3), REFERENCE)
    for alpha in (0.05, 0.2):
        bar = bars(reference, window=WINDOW, replays=500, alpha=alpha, seed=5)
        drawn = replayed(reference, window=WINDOW, replays=500, seed=5)
        beyond = np.stack([drawn[name] > bar[name] for name in bar])
        assert alpha / 2 <= beyond.any(0).mean() <= alpha
        assert beyond.mean(1).max() <= 3 * max(beyond.mean(1).min(), 0.002)  # equally strict


def test_replays_are_sums_of_sessions_drawn_again():
    """By hand: the same draws, one session after the other."""
    reference = {"items": Counts(np.arange(12.0).reshape(4, 3), tuple("abc"))}
    rng, expected = np.random.default_rng(1), []
    picked = [rng.integers(0, 4, (6, take)) for take in (5, 4)]
    for now, then in zip(*picked, strict=True):
        sums = [sum(reference["items"].sum_SB[i] for i in rows) for rows in (now, then)]
        expected.append(float(psi(*sums)))
    got = replayed(reference, window=5, replays=6, seed=1)["items"]
    np.testing.assert_allclose(got, expected, rtol=1e-12)


def test_more_sessions_make_lower_bars():
    reference = sessions(np.random.default_rng(0), REFERENCE)
    small, large = (bars(reference, window=n, replays=300, alpha=0.05) for n in (60, 600))
    assert all(large[name] < small[name] for name in small)


def test_what_the_reference_never_had_may_happen_three_times():
    never = {"unknown ids": Counts(np.tile([0.0, 2.0], (50, 1)))}
    bar = bars(never, window=100, replays=100, alpha=0.05)["unknown ids"]
    assert bar == pytest.approx(3 / 200)


def test_rates_of_nothing_are_nothing():
    assert rate(np.array([[0.0, 0.0], [1.0, 4.0]])).tolist() == [0.0, 0.25]


def days(*parts):
    """Units, a part a day."""
    counts = {
        name: Counts(np.concatenate([each[name].sum_SB for each in parts]), like.bins, like.target)
        for name, like in parts[0].items()
    }
    begun = np.concatenate(
        [np.full(len(each["items"].sum_SB), day) for day, each in enumerate(parts)]
    )
    return Units(begun, counts, {})


def test_windows_are_told_apart():
    rng = np.random.default_rng(0)
    none = {name: Counts(c.sum_SB[:3], c.bins, c.target) for name, c in sessions(rng, 5).items()}
    units = days(sessions(rng, 300), sessions(rng, 100), none, sessions(rng, 100, shift=0.4))
    size, windows = watch(units, until=1, end=3, span=1, alpha=0.01, replays=300)
    assert size == 300 and [window.state for window in windows] == [STEADY, FEW, DRIFT]
    assert windows[2].alarms == ["items"] and windows[1].sessions == 3
    assert verdict_of(windows) is Verdict.FAIL and verdict_of(windows[:1]) is Verdict.PASS
    assert verdict_of(windows[1:2]) is Verdict.CANT_SAY


def test_a_reference_that_is_too_small_says_nothing():
    units = days(sessions(np.random.default_rng(0), 20), sessions(np.random.default_rng(1), 100))
    assert watch(units, until=1, end=1, span=1, alpha=0.05, replays=50) == (20, [])


def test_propensities_that_are_wrong_from_the_start_are_found():
    """They are held against what they have to be, and not against how they were before."""
    rng = np.random.default_rng(0)
    parts = [sessions(rng, 400), sessions(rng, 200)]
    for part in parts:
        part["propensities"] = Counts(part["propensities"].sum_SB * [1.5, 1], (), 1.0)
    windows = watch(days(*parts), until=1, end=1, span=1, alpha=0.05, replays=300)[1]
    assert "propensities" in windows[0].alarms
