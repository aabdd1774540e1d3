"""Bundles through gates, step by step, and back, as a user types it."""

import errno
import json
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest
from helpers import ROOT
from helpers.simulated_logs import open_all, write_log
from helpers.small_bundles import vectors, write_bundle

from seqrec.commands import promote as program
from seqrec.config.cli.script import parse
from seqrec.disk.chain import append
from seqrec.errors import ConfigError, DataError, RunError, WriteError
from seqrec.feedback import Log, Shadowed, read_log
from seqrec.live import POINTER, read_live, record
from seqrec.live.record import HISTORY, history
from seqrec.promote.judge import judge

ITEMS = 120
PATIENT = ("latency.ratio=20", "latency.p99_ms=10000")  # no test depends on how busy a computer is


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Three bundles and a log of the first: what is live, a clean update of it, another model."""
    place = tmp_path_factory.mktemp("bundles")
    table = vectors(ITEMS)
    noise = np.random.default_rng(1).normal(0, 0.01, table.shape).astype(np.float32)
    write_bundle(place / "old", table)
    write_bundle(place / "new", table + noise * (np.arange(ITEMS + 1) > 0)[:, None])
    write_bundle(place / "other", vectors(ITEMS, seed=7))
    [old] = open_all(place / "old")
    write_log(
        place / "log", lambda session: old, sessions=300, click=lambda sha: 0.9, elsewhere=True
    )
    assert run(place, "candidate=old", "stage=all") == 0
    return place


@pytest.fixture
def place(made, tmp_path, monkeypatch):
    """A folder of its own with the same things, and the old bundle live in it."""
    monkeypatch.setattr("seqrec.promote.judge.TIMED", 40)  # `made` is judged by as many as usual
    for name in ("old", "new", "other", "log"):
        (tmp_path / name).symlink_to(made / name)
    shutil.copytree(made / "serving", tmp_path / "serving")
    return tmp_path


def run(place, *words):
    """Type a command; paths are those of the place."""
    typed = [f"live={place / 'serving'}", "requests=150", *PATIENT]
    for word in words:
        key, _, value = word.partition("=")
        typed.append(f"{key}={place / value}" if key in ("candidate", "log") else word)
    return program.promote_bundle(parse(program.Arguments, typed))


def live(place):
    return read_live(place / "serving")


def sha(place, name):
    return open_all(place / name)[0].sha


def last(place):
    return history(place / "serving")[-1]


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


def start_canary(place):
    assert run(place, "candidate=new", "log=log", "share=0.3") == 0


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


@pytest.mark.parametrize(
    ("words", "error", "text"),
    [
        (["candidate=old"], ConfigError, "is the bundle that is live"),
        (["candidate=nowhere"], RunError, "not a bundle"),
        (["candidate=new", "log=nowhere"], DataError, "there is no log"),
        (["candidate=new", "stage=most"], ConfigError, "stage=most is unknown"),
        (["candidate=new", "share=1.5"], ConfigError, "between 0 and 1"),
        (["candidate=new", "k=0"], ConfigError, "at least 1"),
        (["candidate=new", "gates=[speed]"], ConfigError, "speed"),
        (["candidate=new", "stability.leest=1"], ConfigError, "least"),
        (["candidate=new", "waive=[poison]"], ConfigError, "for a reason"),
        (["candidate=new", "waive=[parity]", "reason=x"], ConfigError, "can't be waived|can be"),
        (["candidate=new", "rollback=true"], ConfigError, "three commands"),
        (["candidate=new", "log=log", "since=2030"], DataError, "no list that was shown since"),
        (["rollback=true"], RunError, "nothing|no canary"),
    ],
)
def test_what_cant_be_done_is_refused_and_changes_nothing(place, words, error, text):
    before = {file.name: file.read_bytes() for file in (place / "serving").glob("*.json*")}
    with pytest.raises(error, match=text):
        run(place, *words)
    assert before == {file.name: file.read_bytes() for file in (place / "serving").glob("*.json*")}


def test_with_nothing_live_only_stage_all_starts(made, tmp_path):
    (tmp_path / "old").symlink_to(made / "old")
    with pytest.raises(ConfigError, match="nothing is live yet"):
        run(tmp_path, "candidate=old")
    assert run(tmp_path) == 0


def test_a_second_canary_waits_for_the_first(place):
    start_canary(place)
    with pytest.raises(ConfigError, match="another bundle is on trial"):
        run(place, "candidate=other", "log=log")


def test_a_log_of_other_bundles_is_refused(place):
    (place / "log").unlink()
    [other] = open_all(place / "other")
    write_log(place / "log", lambda session: other, sessions=5)
    with pytest.raises(DataError, match=f"its bundles are {other.sha[:12]}"):
        run(place, "candidate=new", "log=log")


def test_an_empty_log_is_refused(place):
    (place / "log").unlink()
    (place / "log").mkdir()
    with pytest.raises(DataError, match="no list that was shown"):
        run(place, "candidate=new", "log=log")


def test_a_changed_byte_of_a_candidate_is_refused(place):
    (place / "new").unlink()
    write_bundle(place / "new", vectors(ITEMS))
    content = bytearray((place / "new" / "items.npy").read_bytes())
    content[-1] ^= 1
    (place / "new" / "items.npy").write_bytes(content)
    with pytest.raises(RunError, match=r"items\.npy"):
        run(place, "candidate=new", "log=log")


def test_a_bundle_that_answers_a_golden_request_otherwise_is_stopped_at_once(place):
    wrong = {"request": {"items": ["i1"]}, "answer": {"item": ["i2"], "score": [9.0]}}
    write_bundle(place / "wrong", vectors(ITEMS, seed=3), golden=[wrong])
    assert run(place, "candidate=wrong", "log=log") == 1
    assert list(last(place)["gates"]) == ["parity"]
    assert "golden request 1" in last(place)["gates"]["parity"]["checks"][0]["about"]


def test_a_damaged_pointer_is_refused_and_repaired(place):
    file = place / "serving" / POINTER
    before = live(place)
    file.write_text("{")
    for words in (["candidate=new", "log=log"], ["rollback=true"], []):
        with pytest.raises(RunError, match="repair=true"):
            run(place, *words)
    assert run(place, "repair=true", "reason=bad disk") == 0
    assert live(place) == before and last(place)["action"] == "repaired"


def test_a_broken_history_stops_every_change(place):
    file = place / "serving" / HISTORY
    file.write_text(file.read_text().replace('"promoted"', '"stopped"'))
    for words in (["candidate=new", "log=log"], ["rollback=true"], []):
        with pytest.raises(DataError, match="broken at line 1"):
            run(place, *words)


def test_what_a_killed_promotion_left_is_completed(place, monkeypatch):
    def killed(*given):
        append(*given)
        raise KeyboardInterrupt

    with monkeypatch.context() as during:
        during.setattr(record, "append", killed)
        with pytest.raises(KeyboardInterrupt):
            run(place, "candidate=new", "stage=shadow")
    assert live(place).version == 1
    assert run(place) == 0
    assert live(place).version == 2 and live(place).shadow.sha == sha(place, "new")


@pytest.mark.parametrize("which", [1, 2, 3])
def test_a_full_disk_takes_nothing_and_the_same_command_goes_on(place, monkeypatch, which):
    def full(handle):
        done.append(handle)
        if len(done) == which:  # the pointer file's, the end of the chain's, the line's
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    folder, done = place / "serving", []
    before = {file: file.read_bytes() for file in folder.iterdir()}
    with monkeypatch.context() as during:
        during.setattr("os.fsync", full)
        with pytest.raises(WriteError, match=r"disk is full(.|\n)*same command again"):
            run(place, "candidate=new", "stage=shadow")
    assert {file: file.read_bytes() for file in folder.iterdir()} == before
    assert run(place, "candidate=new", "stage=shadow") == 0
    assert live(place).version == len(history(folder)) == 2


def test_of_two_promotions_at_once_the_second_is_told(place, monkeypatch):
    def meanwhile(*given):
        monkeypatch.undo()
        assert run(place, "candidate=other", "stage=shadow") == 0
        return judge(*given)

    monkeypatch.setattr("seqrec.promote.judge.judge", meanwhile)
    with pytest.raises(RunError, match="has changed meanwhile: version 2 instead of 1"):
        run(place, "candidate=new", "log=log")
    assert live(place).canary is None


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


def test_a_rollback_to_a_bundle_that_has_changed_is_refused(place, made):
    everything = "waive=[quality, stability, exposure, poison, canary]"
    for name in ("new", "other"):
        assert run(place, f"candidate={name}", "stage=all", everything, "reason=a test") == 0
    (place / "new").unlink()
    shutil.copytree(made / "old", place / "new")
    with pytest.raises(RunError, match="has changed"):
        run(place, "rollback=true")
    assert live(place).live.sha == sha(place, "other")


def test_what_is_served_is_shown(place, capsys):
    assert run(place, "candidate=new", "stage=shadow", "format=json") == 0
    said = json.loads(capsys.readouterr().out.strip().splitlines()[-1])
    assert said["action"] == "promoted" and said["gates"]["parity"]["verdict"] == "pass"
    assert run(place, "format=json") == 0
    state = json.loads(capsys.readouterr().out)
    assert state["live"]["version"] == 2 and len(state["history"]) == 2
    run(place)
    assert "shadow" in capsys.readouterr().out
