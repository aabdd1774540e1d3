"""The benchmark measures what it says: same events and sizes for all, honest ratios."""

import json
import re
import sys
import time
from io import StringIO
from xml.etree import ElementTree

import numpy as np
import polars as pl
import pytest
from helpers import ROOT
from rich.console import Console

from seqrec.benchmark import child, peers, serving
from seqrec.benchmark.child import in_child
from seqrec.benchmark.events import write_events
from seqrec.benchmark.generated import write_sequences
from seqrec.benchmark.growth import exponent
from seqrec.benchmark.meter import EpochClock
from seqrec.benchmark.parts import Request, jobs
from seqrec.benchmark.picture import growth_picture
from seqrec.benchmark.quality import measure_quality
from seqrec.benchmark.report import Line, number, table
from seqrec.benchmark.setup import assembled, composed, describe_data, sizes
from seqrec.benchmark.training import measure
from seqrec.errors import ConfigError, RunError
from seqrec.machine.process import peak_mb

TINY = [
    *("model=sasrec", "data=synthetic", "data.n_users=60", "data.n_items=40", "data.length=20"),
    *("dim=8", "max_length=10", "batch.size=16", "dropout=0.0", "trainer=cpu"),
]


def request(**given):
    plain = {"parts": ["train"], "data": [], "model": "sasrec", "epochs": 1, "rows": 1}
    plain["memory_gb"] = 1.0
    return Request(
        **{**plain, "peers": [], "models": ["NARM"], "minutes": 1.0, "precision": "fp32"}
        | {"threads": 1, **given}
    )


def test_training_and_ranking_are_measured_over_everything():
    result = measure(TINY, epochs=2, recommend=True)
    assert len(result["epochs"]) == 2 and result["epoch_s"] > 0
    assert result["targets"] == 60 * 10  # the latest 10 of each user's 17
    assert result["targets_per_s"] == pytest.approx(600 / result["epoch_s"])
    assert result["padding"] == 0
    assert result["users"] == 60
    assert result["peak_mb"] >= result["imported_mb"] > 10


def test_a_training_can_be_ended_after_some_steps():
    result = measure(TINY, epochs=1, steps=2)
    assert result["steps"] == 2 and result["step_s"] > 0


@pytest.mark.slow
def test_the_time_to_a_quality_ends_with_it_or_with_the_limit():
    overrides = [*TINY, "metric=[ndcg]"]
    reached = measure_quality(overrides, target=0.0, limit_s=60)
    assert reached["reached"] and reached["epochs"] == 1 and reached["seconds"] > 0
    missed = measure_quality(overrides, target=1.1, limit_s=0)
    assert not missed["reached"] and missed["epochs"] == 1
    assert "full ranking" in missed["protocol"]


@pytest.mark.slow
@pytest.mark.parametrize("held_out", [False, True])
def test_peers_get_the_very_events_of_the_run(tmp_path, held_out):
    told = write_events(TINY, str(tmp_path / "events.csv"), held_out)
    frame = pl.read_csv(tmp_path / "events.csv")
    store = assembled(composed(TINY)).store
    length = 20 if held_out else 18  # the last two of a user validate and test
    assert told == {"users": 60, "items": frame["item"].n_unique(), "events": 60 * length}
    for (user,), events in frame.group_by("user"):
        begin = store.offset[user]
        assert events.sort("time")["item"].to_list() == store.item[begin : begin + length].tolist()


def test_sizes_are_those_of_the_configuration():
    told = sizes([*TINY, "encoder.heads=2", "optimizer.lr=0.01", "dropout=0.3"])
    assert (told["dim"], told["layers"], told["heads"], told["length"]) == (8, 2, 2, 10)
    assert (told["batch"], told["lr"], told["dropout"], told["ffn"]) == (16, 0.01, 0.3, 8)
    with pytest.raises(ConfigError, match="ffn"):
        sizes([*TINY, "encoder.ffn=32"])


def test_generated_sequences_hold_every_item(tmp_path):
    overrides = write_sequences(str(tmp_path / "s.txt"), users=50, items=400, length=10)
    found = describe_data([*TINY[:1], *overrides, "batch.size=25"])
    assert (found["users"], found["items"], found["targets"]) == (50, 400, 50 * 10)
    assert (found["batches"], found["padding"]) == (2, 0)
    with pytest.raises(ValueError, match="can't hold"):
        write_sequences(str(tmp_path / "s.txt"), users=2, items=400, length=10)


def test_the_clock_counts_everything_between_two_starts():
    clock = EpochClock()
    for pause in (0.02, 0.05):
        clock.on_train_epoch_start()
        time.sleep(pause)
    clock.on_train_end()
    first, second = clock.seconds()
    assert first >= 0.02 and second >= 0.05


@pytest.mark.slow
def test_peak_memory_goes_up_with_what_is_used_and_stays():
    before = peak_mb()
    used = np.ones(int((before + 20) * 2**20 / 8))
    assert peak_mb() >= before + 19
    del used
    assert peak_mb() >= before + 19


@pytest.mark.slow
def test_a_child_has_its_threads():
    assert in_child("machine:describe_machine", threads=1)["threads"] == 1


def test_a_child_that_fails_says_where(monkeypatch, capsys):
    given = {"overrides": [*TINY, "encoder.ffn=32"]}
    monkeypatch.setattr(sys, "stdin", StringIO(json.dumps(given)))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    with pytest.raises(SystemExit) as end:
        child._main("setup:sizes")
    assert end.value.code == child.STOPPED and "ffn" in capsys.readouterr().err
    with pytest.raises(RunError, match="failed"):
        child.run([sys.executable, "-c", f"raise SystemExit({child.STOPPED})"], {}, threads=1)


def test_lines_know_their_bars():
    assert Line("p", "w", 6.0, at_least=6).met is True
    assert Line("p", "w", 5.9, at_least=6).met is False
    assert Line("p", "w", 0.34, at_most=1 / 3).met is False
    assert Line("p", "w", 1).met is None
    shown = [number(v) for v in (12345.6, 123.45, 12.345, 0.12345, 3416, 0)]
    assert shown == ["12,346", "123.5", "12.35", "0.1235", "3,416", "0"]
    console = Console(width=100, record=True, file=StringIO())
    console.print(table([Line("train", "s/epoch", 1.5, at_most=1), Line("train", "users/s", 9)]))
    text = console.export_text()
    assert text.count("train") == 1
    assert re.search(r"s/epoch.*1\.5000.*≤ 1.*no", text)


def test_growth_is_told_as_a_power_and_drawn():
    grown = {
        axis: [{"at": at, "epoch_s": 2 * at**power, "peak_mb": 1.0} for at in (50, 100, 200)]
        for axis, power in (("length", 2.0), ("items", 1.0), ("users", 0.5))
    }
    assert exponent(grown["length"]) == pytest.approx(2)
    assert exponent(grown["users"]) == pytest.approx(0.5)
    picture = growth_picture(grown, "time < size & more")
    root = ElementTree.fromstring(picture)
    circles = list(root.iter("{http://www.w3.org/2000/svg}circle"))
    assert len(circles) == 9
    assert all(0 <= float(c.get("cx")) <= 300 and 0 <= float(c.get("cy")) <= 200 for c in circles)


def test_peers_by_the_epoch_are_compared_by_ratios():
    theirs = {"epoch_s": 60.0, "peak_mb": 1500.0, "imported_mb": 500.0}
    theirs |= {"users": 100, "recommend_s": 10.0}
    ours = {"epoch_s": 6.0, "peak_mb": 450.0, "imported_mb": 400.0, "users_per_s": 40.0}
    lines = {
        line.what: line for line in peers.epoch_lines("rectools", {"peer": theirs, "seqrec": ours})
    }
    faster = lines["times faster an epoch"]
    assert (faster.value, faster.at_least, faster.met) == (10, 6, True)
    assert lines["share of the peer's peak"].value == pytest.approx(0.3)
    assert lines["share without imports"].value == pytest.approx(0.05)
    assert lines["times faster recommending"].value == pytest.approx(4)


def test_a_quality_that_was_not_reached_is_no_speed():
    theirs = {"ndcg@10": 0.1, "seconds": 100.0, "epochs": 3, "best_epoch": 3, "ended_by": "limit"}
    ours = {"ndcg@10": 0.2, "seconds": 2.0, "epochs": 4, "reached": True}
    *_, reached = peers.quality_lines("SASRec", {"peer": theirs, "seqrec": ours, "own": [ours]})
    assert (reached.value, reached.met) == (50, True)
    late, slow = {**ours, "reached": False}, {**ours, "seconds": 4.0}
    found = {"peer": theirs, "seqrec": ours}
    *_, median = peers.quality_lines("SASRec", {**found, "own": [late, ours, slow]})
    assert (median.value, median.met) == (25, False)
    *_, missed = peers.quality_lines("NARM", {**found, "own": [late, ours, late]})
    assert (missed.value, missed.met) == (0, False)


def test_every_peer_has_a_script_and_exact_pins_and_is_installed_by_make():
    made = re.search(r"^PEERS := (.+)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert made is not None and made[1].split() == peers.peer_names()
    assert ".venv-peers/" in (ROOT / ".gitignore").read_text().splitlines()
    scripts = {f"run_{peer}": peer for peer in peers.peer_names()}
    for script, peer in (scripts | {f"ask_{peer}": peer for peer in serving.PEERS}).items():
        compile((ROOT / "scripts" / "peers" / f"{script}.py").read_text(), peer, "exec")
        lines = (ROOT / "scripts" / "peers" / f"{peer}.txt").read_text().splitlines()
        pins = [line for line in lines if not line.startswith("#")]
        assert all(re.fullmatch(r"[\w.-]+==[\w.]+", pin) for pin in pins)
        assert "torch==2.13.0" in pins
        names = {pin.partition("=")[0].lower() for pin in pins}
        assert {"replay": "replay-rec"}.get(peer, peer) in names


def test_what_can_not_be_measured_is_refused_before_anything_runs(tmp_path, monkeypatch):
    with pytest.raises(ConfigError, match="trian"):
        jobs(request(parts=["trian"]))
    with pytest.raises(ConfigError, match="NRM"):
        jobs(request(parts=["peers"], models=["NRM"]))
    with pytest.raises(ConfigError, match="rektools"):
        jobs(request(parts=["peers"], peers=["rektools"]))
    monkeypatch.setattr(peers, "PROJECT", tmp_path)
    with pytest.raises(ConfigError, match="make bench-peers"):
        jobs(request(parts=["peers"], peers=["replay"]))
