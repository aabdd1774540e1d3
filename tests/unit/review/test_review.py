"""Odd lists are found, verdicts are kept and bind, as a user types it."""

import errno
import json
import os

import pytest
from helpers.feedback import outcome
from helpers.shown import SIX, shown

from seqrec.commands import review as program
from seqrec.config.cli.script import parse
from seqrec.disk.chain import append
from seqrec.errors import ConfigError, DataError, WriteError
from seqrec.feedback import Log, read_log
from seqrec.review.verdicts import Files, record

BY = ("reviewer=ada", "reason=fraud")


@pytest.fixture
def log(tmp_path):
    """Two steady sessions, one whose list changes at once, and a complaint."""
    folder, log = tmp_path / "log", Log(tmp_path / "log")
    other = [f"b{at}" for at in range(6)]
    log.write(
        [
            shown("r1", SIX, session="s1"),
            shown("r2", SIX, session="s1", time=1_000),
            shown("r3", SIX, session="s2", time=2_000),
            shown("r4", other, session="s2", time=3_000),
            outcome("e1", session="s1", item="a2", request_id="r2", event="complaint"),
            outcome("e2", session="s2", item="b1", request_id="r4"),
        ]
    )
    log.close()
    return folder


def run(log, *words):
    return program.review(parse(program.Arguments, [f"log={log}", *words]))


def waiting(log, capsys, *words):
    assert run(log, "format=json", *words) == 0
    return [(each["kind"], each["request_id"]) for each in json.loads(capsys.readouterr().out)]


def filters(log):
    return json.loads((log / "review/filters.json").read_text())


def quarantine(log):
    return json.loads((log / "review/quarantine.json").read_text())


def test_complaints_and_lists_that_change_at_once_wait_for_a_person(log, capsys):
    assert waiting(log, capsys) == [("complaint", "r2"), ("stability", "r4")]
    assert run(log) == 0
    text = capsys.readouterr().out
    assert "complaint about a2" in text and "overlap with the session's list before is 0.00" in text
    assert "list=r2 verdict=deny item=a2 reviewer=NAME" in text


def test_a_denial_becomes_a_version_of_the_filters(log, capsys):
    assert run(log, "list=r2", "verdict=deny", "item=a2", *BY) == 0
    assert filters(log) == {"version": 1, "deny": ["a2"]}
    assert run(log, "verdict=deny", "item=b1", *BY) == 0
    assert filters(log) == {"version": 2, "deny": ["a2", "b1"]}
    assert run(log, "verdict=allow", "item=a2", *BY) == 0
    assert filters(log) == {"version": 3, "deny": ["b1"]}
    capsys.readouterr()
    assert waiting(log, capsys) == [("stability", "r4")]


def test_other_verdicts_are_no_new_version_of_the_filters(log):
    run(log, "verdict=deny", "item=a2", *BY)
    run(log, "list=r4", "verdict=ok", *BY)
    run(log, "list=r4", "verdict=quarantine", *BY)
    assert filters(log)["version"] == 1 and quarantine(log)["version"] == 3


def test_a_quarantine_names_sessions_and_events(log):
    assert run(log, "list=r4", "verdict=quarantine", *BY) == 0
    assert run(log, "event=e1", "verdict=quarantine", *BY) == 0
    assert quarantine(log) == {"version": 2, "sessions": ["s2"], "events": ["e1"]}
    assert run(log, "session=s2", "verdict=release", *BY) == 0
    assert quarantine(log) == {"version": 3, "sessions": [], "events": ["e1"]}


def test_a_list_is_shown_with_what_was_said_of_it(log, capsys):
    run(log, "list=r2", "verdict=ok", "reviewer=ada", "reason=as it should be")
    assert run(log, "list=r2") == 0
    text = capsys.readouterr().out
    assert "complaint (e1)" in text and "ok by ada: as it should be" in text


def test_an_unbroken_chain_is_said_to_be_one(log, capsys):
    assert run(log, "check=true") == 0
    run(log, "verdict=deny", "item=a2", *BY)
    assert run(log, "check=true") == 0
    assert "unbroken, 1 verdict" in capsys.readouterr().out


def test_a_verdict_that_was_changed_is_named(log):
    for item in ("a1", "a2", "a3"):
        run(log, "verdict=deny", f"item={item}", *BY)
    chain = log / "review/verdicts.jsonl"
    chain.write_text(chain.read_text().replace('"a2"', '"a4"'))
    before = filters(log)
    for words in (["check=true"], [], ["verdict=deny", "item=a5", *BY], ["list=r2"]):
        with pytest.raises(DataError, match="broken at line 2"):
            run(log, *words)
    assert filters(log) == before


def test_files_that_were_changed_are_told_and_mended_by_the_next_verdict(log, capsys):
    run(log, "verdict=deny", "item=a2", *BY)
    (log / "review/filters.json").write_text('{"version": 4, "deny": []}')
    (log / "review/quarantine.json").write_text("{")
    assert run(log, "check=true") == 1
    assert capsys.readouterr().out.replace("\n", " ").count("isn't what the verdicts say") == 2
    run(log, "list=r4", "verdict=ok", *BY)
    assert filters(log) == {"version": 1, "deny": ["a2"]} and run(log, "check=true") == 0


def test_what_a_killed_review_left_is_completed(log, monkeypatch):
    def killed(*given):
        append(*given)
        raise KeyboardInterrupt

    with monkeypatch.context() as during:
        during.setattr("seqrec.review.verdicts.append", killed)
        with pytest.raises(KeyboardInterrupt):
            run(log, "verdict=deny", "item=a2", *BY)
    assert not (log / "review/filters.json").exists() and run(log, "check=true") == 1
    record(Files(log), {"verdict": "ok", "list": "r1"})
    assert filters(log)["deny"] == ["a2"] and run(log, "check=true") == 0


@pytest.mark.parametrize("which", [1, 2, 3, 4])
def test_a_verdict_on_a_full_disk_isnt_half_said(log, monkeypatch, which):
    def full(handle):
        done.append(handle)
        if len(done) == which:  # the filters', the quarantine's, the end of the chain's, the line's
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    done = []
    with monkeypatch.context() as during:
        during.setattr("os.fsync", full)
        with pytest.raises(WriteError, match="the disk is full"):
            run(log, "verdict=deny", "item=a2", *BY)
    files = [file for file in (log / "review").iterdir() if not file.name.endswith(".lock")]
    assert [file.stat().st_size for file in files] in ([], [0])  # a chain without a line
    assert run(log, "verdict=deny", "item=a2", *BY) == 0
    assert filters(log) == {"version": 1, "deny": ["a2"]}


@pytest.mark.parametrize(
    ("words", "error", "text"),
    [
        (["verdict=deny", "item=a2", "reason=x"], ConfigError, "needs a reviewer"),
        (["verdict=deny", "item=a2", "reviewer=ada"], ConfigError, "needs a reason"),
        (["verdict=deny", *BY], ConfigError, "is about an item"),
        (["verdict=ok", "list=r1", "item=a2", *BY], ConfigError, "isn't about an item"),
        (["verdict=ok", *BY], ConfigError, "is about a list"),
        (["verdict=ok", "list=r1", "session=s1", *BY], ConfigError, "isn't about a session"),
        (["verdict=quarantine", *BY], ConfigError, "about a session or an event"),
        (["verdict=deny", "item=zz", *BY], DataError, "never showed an item 'zz'"),
        (["verdict=deny", "list=r1", "item=b1", *BY], DataError, "doesn't show an item 'b1'"),
        (["verdict=ok", "list=r9", *BY], DataError, "has no list 'r9'"),
        (["verdict=quarantine", "session=s9", *BY], DataError, "has no session 's9'"),
        (["verdict=quarantine", "event=e9", *BY], DataError, "has no event 'e9'"),
        (["verdict=perhaps", *BY], ConfigError, "verdict=perhaps is unknown"),
        (["item=a2"], ConfigError, "belongs to a verdict"),
        (["overlap=2"], ConfigError, "from 0 to 1"),
        (["most=0"], ConfigError, "at least 1"),
        (["list=r9"], DataError, "has no list 'r9'"),
    ],
)
def test_what_cant_be_said_is_refused_and_not_kept(log, words, error, text):
    with pytest.raises(error, match=text):
        run(log, *words)
    assert not (log / "review/verdicts.jsonl").exists()


def test_an_empty_log_is_refused(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="no list that was shown"):
        run(tmp_path / "empty")


def test_the_log_doesnt_take_verdicts_for_lines_of_its_own(log):
    run(log, "verdict=deny", "item=a2", *BY)
    assert read_log(log).counts["torn"] == 0 and len(read_log(log).slates) == 4


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ([], "give one of log=FOLDER, run=FOLDER"),
        (["run=a", "log=b"], "give one of log=FOLDER, run=FOLDER"),
        (["run=a", "verdict=ok", "reviewer=ada"], "has shown nothing"),
    ],
)
def test_a_review_is_of_a_log_or_of_a_run(words, told):
    with pytest.raises(ConfigError, match=told):
        program.review(parse(program.Arguments, words))
