"""Drift of a log, as a user asks for it: what is counted, found, shown and refused."""

import json
from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from helpers.feedback import outcome, slate
from helpers.simulated_logs import BEGUN, DAY, open_all, write_log
from helpers.small_bundles import vectors, write_bundle

from seqrec.commands import drift as program
from seqrec.config.cli.script import parse
from seqrec.drift.units import units_of
from seqrec.errors import ConfigError, DataError, RunError
from seqrec.feedback import Log, read_log


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A bundle and two logs of it: eight days, and eight of which the last is another world."""
    place = tmp_path_factory.mktemp("drift")
    write_bundle(place / "bundle", vectors(60))
    write_bundle(place / "other", vectors(60, seed=5))
    [bundle] = open_all(place / "bundle")
    for name in ("steady", "shifted"):
        write_log(place / name, lambda _: bundle, sessions=1_600, days=8, pool=800)
    write_log(
        place / "shifted",
        lambda _: bundle,
        sessions=200,
        begun=BEGUN + 8 * DAY,
        draw=lambda rng, n: rng.integers(1, 8, 3),
        name="late",
        seed=4,
    )
    return place


def run(place, log, *words):
    typed = [f"log={place / log}", "replays=400", *words]
    return program.tell_drift(parse(program.Arguments, typed))


def found(place, log, capsys, *words):
    status = run(place, log, f"bundle={place / 'bundle'}", "format=json", *words)
    return status, json.loads(capsys.readouterr().out)


def test_days_without_drift_are_steady(place, capsys):
    status, said = found(place, "steady", capsys, "alpha=0.025")
    assert status == 0 and said["verdict"] == "pass" and said["sessions"] == 800
    assert [window["state"] for window in said["windows"]] == ["steady"] * 4
    assert said["left_out"] == {"propensities": "no list of the log was drawn"}


def test_a_shift_is_found_in_its_first_window(place, capsys):
    status, said = found(place, "shifted", capsys, "reference=4")
    assert status == 1 and said["verdict"] == "fail"
    assert [window["state"] for window in said["windows"]] == ["steady"] * 4 + ["drift"]
    assert {"items", "session length"} <= set(said["windows"][-1]["alarms"])


def test_it_is_shown_and_written(place, tmp_path, capsys):
    html = tmp_path / "drift.html"
    assert run(place, "shifted", f"bundle={place / 'bundle'}", f"out={html}") == 1
    shown = capsys.readouterr().out
    assert "drift" in shown and "left out propensities" in shown and str(html) in shown
    page = html.read_text()
    assert 'id="p0-hit-rate"' in page and "1 of 5 windows drift" in page
    out = tmp_path / "drift.json"
    run(place, "shifted", f"bundle={place / 'bundle'}", f"out={out}")
    assert json.loads(out.read_text())["verdict"] == "fail"


@pytest.fixture
def counted(tmp_path):
    """Two sessions, counted by hand: a reference session, and one a minute later."""
    log = Log(tmp_path / "log")
    fields = {"bundle": "b", "propensities": [0.5, 0.5], "scores": [1.0, 1.0]}
    log.write(
        [
            slate("r1", session="s1", history=["x"], time=BEGUN, **fields),
            slate("r2", session="s1", history=["x", "y"], time=BEGUN + 40_000, **fields),
            outcome("e1", session="s1", request_id="r1", item="a", time=BEGUN + 1_000),
            outcome("e2", session="s1", item="?", time=BEGUN + 2_000),
            slate(
                "r3",
                session="s2",
                history=["y"] * 4,
                time=BEGUN + 60_000,
                items=("a", "b"),
                bundle="b",
                propensities=[0.25, 1.0],
                scores=[2.0, 0.0],
            ),
        ]
    )
    log.close()
    catalogue = pl.DataFrame(
        {"item": ["a", "b", "x", "y"], "categories": [["A"], ["A"], ["X"], ["X", "Y"]]}
    )
    return units_of(
        read_log(tmp_path / "log"), catalogue, reference_until=BEGUN + 50_000, event="click"
    )


def sums(units, name):
    counts = units.counts[name]
    return [dict(zip(counts.bins, row, strict=True)) for row in counts.sum_SB.tolist()]


def test_what_sessions_did_is_counted_in_bins_of_the_reference(counted):
    assert counted.begun_S.tolist() == [BEGUN, BEGUN + 60_000]
    first, second = sums(counted, "items")
    assert (first["a"], first["x"], first["y"], second["y"]) == (1, 1, 1, 1)
    assert sum(first.values()) == 3 and sum(second.values()) == 1
    assert sums(counted, "categories") == [{"A": 1, "X": 2, "Y": 1}, {"A": 0, "X": 1, "Y": 1}]
    assert counted.counts["unknown ids"].sum_SB.tolist() == [[1, 4], [0, 1]]
    assert [max(row, key=row.get) for row in sums(counted, "session length")] == [
        "2 to 3",
        "3 to 5",
    ]
    assert sums(counted, "gaps")[0]["30 to 60"] == 1 and sum(sums(counted, "gaps")[1].values()) == 0


def test_what_sessions_got_is_counted(counted):
    assert counted.counts["hit rate"].sum_SB.tolist() == [[1, 2], [0, 1]]
    # 1 / (p m) of two candidates: 1 and 2 for the slots of the first, then 2 and 1
    assert counted.counts["propensities"].sum_SB.tolist() == [[6, 4], [3, 2]]
    assert counted.counts["scores"].sum_SB.sum() == counted.counts["entropy"].sum_SB.sum() == 3


def test_propensities_that_are_right_have_mean_one(tmp_path):
    rng, log = np.random.default_rng(0), Log(tmp_path / "log")
    share, records = np.array([0.5, 0.3, 0.2]), []
    for at in range(2_000):
        drawn = int(rng.choice(3, p=share))
        fields = {"session": f"s{at}", "propensities": [float(share[drawn])], "scores": [1.0]}
        shown = slate(f"r{at}", items=("abc"[drawn],), time=BEGUN + at, **fields)
        records.append(replace(shown, candidates=list("abc"), candidate_scores=[1.0] * 3))
    log.write(records)
    log.close()
    units = units_of(
        read_log(tmp_path / "log"),
        pl.DataFrame({"item": ["a"]}),
        reference_until=BEGUN + 10,
        event="click",
    )
    weights, slots = units.counts["propensities"].sum_SB.sum(0)
    assert weights / slots == pytest.approx(1, abs=0.05)
    assert units.left_out == {"categories": "the catalogue has none"}


@pytest.mark.parametrize(
    ("log", "words", "error", "text"),
    [
        ("steady", [], ConfigError, "give one of bundle=DIR, run=FOLDER"),
        ("nowhere", ["bundle=bundle"], DataError, "there is no log"),
        ("steady", ["bundle=nowhere"], RunError, "not a bundle"),
        ("steady", ["bundle=other"], DataError, "no list of this bundle"),
        ("steady", ["bundle=bundle", "window=0"], ConfigError, "from a minute to a year"),
        ("steady", ["bundle=bundle", "alpha=1"], ConfigError, "alpha=1.0: must be above 0"),
        ("steady", ["bundle=bundle", "replays=5"], ConfigError, "at least 200"),
        ("steady", ["bundle=bundle", "window=1000"], DataError, "has 1 window, and 1 of them"),
        ("steady", ["bundle=bundle", "reference=8"], DataError, "8 of them would be the reference"),
        ("steady", ["bundle=bundle", "window=1", "reference=1"], DataError, "too few to know"),
        ("steady", ["bundle=bundle", "since=2050"], DataError, "no list that was shown"),
        ("steady", ["bundle=bundle", "out=drift.csv"], ConfigError, "unsupported file type"),
        ("steady", ["bundle=bundle", "format=yaml"], ConfigError, "format=yaml is unknown"),
    ],
)
def test_what_cant_be_told_is_refused(place, log, words, error, text):
    words = [w.replace("bundle=", f"bundle={place}/") for w in words]
    with pytest.raises(error, match=text):
        run(place, log, *words)


def test_an_empty_log_is_refused(place, tmp_path):
    (tmp_path / "log").mkdir()
    with pytest.raises(DataError, match="no list that was shown"):
        run(tmp_path, "log", f"bundle={place / 'bundle'}")


def test_an_empty_day_is_told_as_one(place, tmp_path, capsys):
    [bundle] = open_all(place / "bundle")
    write_log(tmp_path / "log", lambda _: bundle, sessions=400, days=2)
    write_log(tmp_path / "log", lambda _: bundle, sessions=100, begun=BEGUN + 3 * DAY, name="t")
    status = run(
        tmp_path, "log", f"bundle={place / 'bundle'}", "reference=1", "alpha=0.025", "format=json"
    )
    said = json.loads(capsys.readouterr().out)
    assert [w["state"] for w in said["windows"]][1] == "too few sessions" and status in (0, 1)
    assert [w["sessions"] for w in said["windows"]] == [200, 0, 100]
