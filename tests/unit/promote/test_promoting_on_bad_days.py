"""Promotions that are refused, stopped, killed or out of disk: nothing changes, or all of it."""

import errno
import os
import shutil

import pytest
from helpers.promoting import ITEMS, last, live, run, sha, start_canary
from helpers.simulated_logs import open_all, write_log
from helpers.small_bundles import vectors, write_bundle

from seqrec.disk.chain import append
from seqrec.errors import ConfigError, DataError, RunError, WriteError
from seqrec.live import POINTER, record
from seqrec.live.record import HISTORY, history
from seqrec.promote.judge import judge


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


def test_a_rollback_to_a_bundle_that_has_changed_is_refused(place, made):
    everything = "waive=[quality, stability, exposure, poison, canary]"
    for name in ("new", "other"):
        assert run(place, f"candidate={name}", "stage=all", everything, "reason=a test") == 0
    (place / "new").unlink()
    shutil.copytree(made / "old", place / "new")
    with pytest.raises(RunError, match="has changed"):
        run(place, "rollback=true")
    assert live(place).live.sha == sha(place, "other")
