"""A log: nothing acknowledged is lost, nothing unreadable counts, nothing forgotten is read."""

import json
import os
import signal
import stat

import polars as pl
import pytest
from helpers.feedback import outcome, slate

from seqrec.errors import DataError, WriteError
from seqrec.feedback import Log, Salt, read_log
from seqrec.feedback.write import hour_of


@pytest.fixture
def log(tmp_path):
    with_log = Log(tmp_path / "log")
    yield with_log
    with_log.close()


def segment_of(log):
    return next(log.folder.glob("*.jsonl"))


def test_what_is_written_is_read(log):
    log.write([slate("r1", time=5, items=["ä", "b"]), slate("r2", time=3)])
    log.write([outcome("e1", request_id="r1", item="ä")])
    found = read_log(log.folder)
    assert found.slates["request_id"].to_list() == ["r2", "r1"]  # by time
    row = found.slates.row(1, named=True)
    assert row["items"] == ["ä", "b"]
    assert row["propensities"] == [0.5, 1.0]
    assert json.loads(row["policy"]) == {"name": "plackett_luce", "temperature": 1.0}
    assert found.outcomes["item"].to_list() == ["ä"]
    assert set(found.counts.values()) == {0}


def test_a_time_can_be_chosen(log):
    log.write([slate(f"r{time}", time=time) for time in (1, 2, 3)])
    assert read_log(log.folder, since=2, until=3).slates["request_id"].to_list() == ["r2"]


def test_an_empty_log_has_empty_tables(log):
    found = read_log(log.folder)
    assert found.slates.shape == (0, 13)
    assert found.outcomes.is_empty()


def test_no_log_is_refused(tmp_path):
    with pytest.raises(DataError, match="there is no log"):
        read_log(tmp_path / "none")


@pytest.mark.parametrize(
    "line",
    [
        b'{"kind":"slate","request_id":"r',
        b"\xff\xfe",
        b"[" * 10_000,
        b'{"kind":"slate","time":"soon"}',
        b'{"kind":"outcome","value":NaN}',
    ],
)
def test_a_line_that_cannot_be_read_is_skipped_and_counted(log, line):
    log.write([slate("r1")])
    with segment_of(log).open("ab") as file:
        file.write(line + b"\n")
    log.write([slate("r2")])
    found = read_log(log.folder)
    assert found.slates["request_id"].to_list() == ["r1", "r2"]
    assert found.counts["torn"] == 1


def test_a_last_line_without_its_end_is_skipped_and_counted(log):
    log.write([slate("r1")])
    with segment_of(log).open("ab") as file:
        file.write(b'{"kind":"sl')
    found = read_log(log.folder)
    assert (len(found.slates), found.counts["torn"]) == (1, 1)


@pytest.mark.parametrize(
    "change",
    [
        {"request_id": None},
        {"session": None},
        {"time": -1},
        {"time": 10**17},
        {"scores": [1.0]},
        {"candidate_scores": [1.0]},
        {"kind": "letter"},
    ],
)
def test_a_line_that_lacks_something_is_left_out_and_counted(log, change):
    log.write([slate("r1"), slate("r2")])
    file = segment_of(log)
    first, second = map(json.loads, file.read_text().splitlines())
    file.write_text(f"{json.dumps(first)}\n{json.dumps({**second, **change})}\n")
    found = read_log(log.folder)
    assert found.slates["request_id"].to_list() == ["r1"]
    assert found.counts["malformed"] == 1


def test_the_first_of_two_lines_with_one_id_counts(log):
    log.write([slate("r1", seed=1), slate("r1", seed=2)])
    log.write([outcome("e1", value=1.0), outcome("e1", value=9.0)])
    found = read_log(log.folder)
    assert found.slates["seed"].to_list() == [1]
    assert found.outcomes["value"].to_list() == [1.0]
    assert (found.counts["doubled_slates"], found.counts["doubled_outcomes"]) == (1, 1)


@pytest.mark.parametrize("score", [float("nan"), float("inf")])
def test_a_number_that_is_none_is_refused_and_nothing_is_written(log, score):
    with pytest.raises(DataError, match="can't be logged"):
        log.write([slate("r1"), slate("r2", scores=[score, 0.0])])
    assert read_log(log.folder).slates.is_empty()


def test_a_forgotten_session_is_gone_from_reading_and_may_come_back(log):
    mine, other = log.salt.hash("me"), log.salt.hash("you")
    log.write([slate("r1", session=mine), slate("r2", session=other)])
    log.write([outcome("e1", session=mine, request_id="r1")])
    log.forget("me")
    later = 253_402_300_000_000
    log.write([slate("r3", session=mine, time=later)])
    found = read_log(log.folder)
    assert found.slates["request_id"].to_list() == ["r2", "r3"]
    assert found.outcomes.is_empty()
    assert found.counts["forgotten"] == 2


def test_the_log_holds_no_session_and_the_salt_lies_apart(log):
    log.write([slate("r1", session=log.salt.hash("ann@example.org"))])
    assert b"ann" not in segment_of(log).read_bytes()
    salt = log.folder.with_name("log.salt")
    assert stat.S_IMODE(salt.stat().st_mode) == 0o600
    assert Salt.at(salt).hash("x") == log.salt.hash("x") != Salt(b"0" * 32).hash("x")


def test_a_salt_that_is_something_else_is_refused(tmp_path):
    (tmp_path / "log.salt").write_text("hello")
    with pytest.raises(DataError, match="isn't the salt"):
        Log(tmp_path / "log")


def test_each_writer_has_segments_of_its_own(tmp_path):
    first, second = Log(tmp_path / "log"), Log(tmp_path / "log")
    first.write([slate("r1")])
    second.write([slate("r2")])
    assert len(list((tmp_path / "log").glob("*.jsonl"))) == 2
    assert len(read_log(tmp_path / "log").slates) == 2


def test_an_hour_has_a_segment_and_a_clock_that_goes_back_changes_none(log, monkeypatch):
    for hours in (2, 3, 1):
        monkeypatch.setattr("seqrec.feedback.write.now", lambda hours=hours: hours * 3_600_000)
        log.write([slate(f"r{hours}")])
    names = sorted(file.name[:13] for file in log.folder.glob("*.jsonl"))
    assert names == ["1970-01-01T02", "1970-01-01T03"]
    assert len(read_log(log.folder).slates) == 3


def test_a_disk_that_takes_half_a_line_tears_only_that(log, monkeypatch):
    log.write([slate("r1")])
    real, calls = os.write, []

    def short(handle, content):
        calls.append(1)
        if len(calls) == 1:
            return real(handle, content[:20])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("seqrec.feedback.write.os.write", short)
    with pytest.raises(WriteError, match="the disk is full"):
        log.write([slate("r2")])
    monkeypatch.setattr("seqrec.feedback.write.os.write", real)
    log.write([slate("r3")])
    found = read_log(log.folder)
    assert found.slates["request_id"].to_list() == ["r1", "r3"]
    assert found.counts["torn"] == 1


def test_what_a_killed_writer_acknowledged_is_there(tmp_path):
    """The writer tells each id after its line; a kill at any moment loses none that was told."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        log = Log(tmp_path / "log")
        for n in range(10**6):
            log.write([slate(f"r{n}")])
            os.write(writing, b"%d\n" % n)
    os.close(writing)
    told = b""
    while told.count(b"\n") < 50:
        told += os.read(reading, 4096)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    while more := os.read(reading, 4096):
        told += more
    os.close(reading)
    acknowledged = {f"r{n}" for n in told.decode().split()}
    assert acknowledged <= set(read_log(tmp_path / "log").slates["request_id"])


def test_hours_are_utc():
    assert hour_of(0) == "1970-01-01T00"


def test_the_columns_are_typed(log):
    log.write([slate("r1")])
    schema = read_log(log.folder).slates.schema
    assert schema["items"] == pl.List(pl.String)
    assert schema["propensities"] == pl.List(pl.Float64)
