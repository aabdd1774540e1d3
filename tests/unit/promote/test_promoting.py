"""Bundles through gates, step by step, and back, as a user types it."""

import json
import subprocess
import sys

import pytest
from helpers import ROOT
from helpers.promoting import last, live, run, sha, start_canary
from helpers.simulated_logs import open_all, write_log

from seqrec.errors import RunError
from seqrec.feedback import Log, Shadowed, read_log
from seqrec.live import POINTER, record


def test_the_first_bundle_needs_no_log_and_is_compared_with_nothing(place):
    assert live(place).live.sha == sha(place, "old") and live(place).version == 1
    assert list(last(place)["gates"]) == ["parity", "latency"]
    assert last(place)["action"] == "promoted" and last(place)["who"]


def test_a_clean_update_goes_from_shadow_to_canary(place):
    assert run(place, "candidate=new", "stage=shadow") == 0
    assert live(place).shadow.sha == sha(place, "new") and live(place).canary is None
    assert run(place, "candidate=new", "log=log", "share=0.2") == 0
    now = live(place)
    assert now.canary.sha == sha(place, "new") and now.share == 0.2 and now.shadow is None
    assert now.live.sha == sha(place, "old") and now.version == 3
    numbers = last(place)["gates"]["stability"]["checks"][0]
    assert numbers["number"] > numbers["bar"] == 0.8


def shadow_log(place, *, slow=1.0, failing=0):
    """What the live bundle showed, and what the shadow answered to the same requests."""
    (place / "log").unlink()
    [old, new] = open_all(place / "old", place / "new")
    write_log(place / "log", lambda session: old, sessions=250, click=lambda sha: 0.9)
    log, found = Log(place / "log"), read_log(place / "log").slates
    lists = [each.items for each in new.recommend_all(found["history"].to_list(), k=10)]
    for at, (row, listed) in enumerate(zip(found.iter_rows(named=True), lists, strict=True)):
        fails = {"failed": "out of memory"} if at < failing else {}
        gave = {"items": listed["item"].to_list(), "scores": listed["score"].to_list()}
        line = {name: row[name] for name in ("request_id", "session", "time")}
        times = {"ms": slow * (1 + at % 3), "shown_ms": 1.0 + at % 3}
        log.write([Shadowed(**line, **(fails or gave), bundle=new.sha, **times)])
    log.close()


@pytest.mark.parametrize(
    "given, verdict, what",
    [
        ({}, "pass", "mean RBO@10 as the shadow"),
        ({"slow": 3.0}, "fail", "median as the shadow, over the live one's"),
        ({"failing": 5}, "fail", "share that failed"),
    ],
)
def test_what_the_shadow_did_is_a_gate(place, given, verdict, what):
    assert run(place, "candidate=new", "stage=shadow", "share=0.25") == 0
    assert live(place).shadow_share == 0.25
    shadow_log(place, **given)
    assert run(place, "candidate=new", "log=log", "waive=[quality]", "reason=a test") == (
        verdict != "pass"
    )
    gate = last(place)["gates"]["shadow"]
    assert gate["verdict"] == verdict
    [check] = [each for each in gate["checks"] if each["what"] == what]
    assert check["verdict"] == verdict


def test_a_bundle_that_was_no_shadow_isnt_stopped_by_that(place):
    assert run(place, "candidate=new", "log=log") == 0
    assert last(place)["gates"]["shadow"]["verdict"] == "can't say"


def test_another_model_is_stopped_by_what_it_changes_and_the_number_is_kept(place, capsys):
    before = (place / "serving" / POINTER).read_bytes()
    assert run(place, "candidate=other", "log=log") == 1
    assert (place / "serving" / POINTER).read_bytes() == before
    entry = last(place)
    assert entry["action"] == "stopped" and entry["pointer"] is None
    assert entry["gates"]["stability"]["verdict"] == "fail"
    assert entry["gates"]["stability"]["checks"][0]["number"] < 0.3
    assert "stopped   by" in capsys.readouterr().out


def test_without_a_log_gates_cant_say_and_stop_a_canary(place, capsys):
    assert run(place, "candidate=new") == 1
    assert "can't say" in capsys.readouterr().out
    assert last(place)["gates"]["quality"]["verdict"] == "can't say"


def test_a_waived_gate_is_kept_with_its_reason(place):
    words = ("candidate=other", "log=log", "waive=[stability, poison, quality]", "reason=a trend")
    assert run(place, *words) == 0
    assert last(place)["waived"] == ["stability", "poison", "quality"]
    assert last(place)["why"] == "a trend"


def canary_log(place, rates, sessions=6_000):
    """Sessions that live bundle and canary answered since the canary began."""
    by_role = {"live": open_all(place / "old")[0], "canary": open_all(place / "new")[0]}
    pointer = live(place)
    (place / "log").unlink()
    write_log(
        place / "log",
        lambda session: by_role[pointer.role_of(session)],
        sessions=sessions,
        click=lambda sha: rates["canary" if sha == pointer.canary.sha else "live"],
        begun=pointer.time + 1,
    )


@pytest.mark.slow
def test_a_canary_that_does_as_well_becomes_live_and_can_be_taken_back(place):
    start_canary(place)
    canary_log(place, {"live": 0.5, "canary": 0.55})
    assert run(place, "candidate=new", "stage=all", "log=log") == 0
    now = live(place)
    assert now.live.sha == sha(place, "new") and now.previous.sha == sha(place, "old")
    assert now.canary is None and now.share == 0
    assert run(place, "rollback=true", "reason=slower") == 0
    assert live(place).live.sha == sha(place, "old") and live(place).previous is None
    assert last(place)["action"] == "rolled back" and last(place)["why"] == "slower"
    with pytest.raises(RunError, match="no bundle that was live before"):
        run(place, "rollback=true")


@pytest.mark.slow
def test_a_canary_that_is_worse_is_taken_back_by_the_look_at_it(place):
    start_canary(place)
    canary_log(place, {"live": 0.5, "canary": 0.2})
    assert run(place, "candidate=new", "log=log", "share=0.3") == 1
    assert live(place).canary is None and live(place).live.sha == sha(place, "old")
    assert last(place)["action"] == "rolled back"
    assert last(place)["gates"]["canary"]["verdict"] == "fail"


@pytest.mark.slow
def test_a_canary_with_few_sessions_stays_and_isnt_promoted(place):
    start_canary(place)
    canary_log(place, {"live": 0.5, "canary": 0.5}, sessions=300)
    assert run(place, "candidate=new", "stage=all", "log=log") == 1
    assert last(place)["action"] == "stopped" and live(place).canary is not None
    assert last(place)["gates"]["canary"]["verdict"] == "can't say"
    salt = live(place).salt
    assert run(place, "candidate=new", "log=log", "share=0.5") == 0  # a larger share, same draw
    assert live(place).share == 0.5 and live(place).salt == salt


@pytest.mark.slow
def test_the_canary_is_judged_by_sessions_since_its_share_was_drawn(place):
    start_canary(place)
    begun = live(place).time
    assert run(place, "candidate=other", "stage=shadow") == 0  # changes the file, not the draw
    assert record.began(place / "serving", live(place)) == begun
    assert run(place, "candidate=new", "log=log", "share=0.4") == 0
    assert record.began(place / "serving", live(place)) == live(place).time


def test_a_rollback_imports_nothing_that_reads_tables(place):
    everything = "waive=[quality, stability, exposure, poison, canary]"
    assert run(place, "candidate=new", "stage=all", everything, "reason=a test") == 0
    code = (
        "import sys\n"
        "from seqrec.commands.promote import main\n"
        "try:\n    main()\n"
        "finally:\n    print({'numpy', 'polars', 'onnxruntime', 'torch'} & sys.modules.keys())"
    )
    words = (f"live={place / 'serving'}", "rollback=true")
    done = subprocess.run(
        [sys.executable, "-c", code, *words], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert "rolled back" in done.stdout and done.stdout.splitlines()[-1] == "set()", done
    assert live(place).live.sha == sha(place, "old")


def test_what_is_served_is_shown(place, capsys):
    assert run(place, "candidate=new", "stage=shadow", "format=json") == 0
    said = json.loads(capsys.readouterr().out.strip().splitlines()[-1])
    assert said["action"] == "promoted" and said["gates"]["parity"]["verdict"] == "pass"
    assert run(place, "format=json") == 0
    state = json.loads(capsys.readouterr().out)
    assert state["live"]["version"] == 2 and len(state["history"]) == 2
    run(place)
    assert "shadow" in capsys.readouterr().out
