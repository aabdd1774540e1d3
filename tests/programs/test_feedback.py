"""Commands around a log: what it holds, what another policy would have earned, made-up users."""

import json
import shutil
from pathlib import Path

import pytest
from helpers.feedback import simulated

from seqrec.feedback import Log, read_log
from seqrec.feedback.simulator import Users
from seqrec.policy.plackett_luce import PlackettLuce

LOGGED = {"name": "plackett_luce", "temperature": 1.0}
OFFPOLICY, FEEDBACK = "scripts/offpolicy.py", "scripts/feedback.py"


@pytest.fixture(scope="module")
def log(tmp_path_factory):
    """A log that no test changes, written in an hour that is over."""
    folder = tmp_path_factory.mktemp("log") / "log"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("seqrec.feedback.write.now", lambda: 0)
        simulated(folder, Users(), PlackettLuce(temperature=1.0), LOGGED, slates=1500, day=20_000)
    return folder


@pytest.fixture
def own(log, tmp_path):
    """A copy of it."""
    shutil.copy(log.with_name("log.salt"), tmp_path)
    return Path(shutil.copytree(log, tmp_path / "log"))


def test_a_policy_is_estimated_printed_and_written(place, log, tmp_path):
    near, out = ("policy=plackett_luce", "policy.temperature=0.9"), tmp_path / "a.json"
    said = place.run(OFFPOLICY, f"log={log}", *near, f"out={out}")
    assert "1,500 slates of 1,500 sessions" in said
    assert "no difference to be seen" in said
    answer = json.loads(place.run(OFFPOLICY, f"log={log}", *near, "format=json"))
    assert answer == json.loads(out.read_text())
    assert [row["estimator"] for row in answer["estimates"]] == [
        *("snips", "rips", "cascade_dr", "delta")
    ]


def test_estimators_and_their_keys_can_be_chosen(place, log):
    chosen = "estimators=[switch_dr, delta]", "tau=2", "delta.of=snips", "policy=greedy"
    answer = json.loads(place.run(OFFPOLICY, f"log={log}", *chosen, "format=json"))
    assert [row["estimator"] for row in answer["estimates"]] == ["switch_dr", "delta"]
    assert answer["estimates"][1]["says"].startswith("can't say, needs about")


@pytest.mark.parametrize(
    ("words", "said", "status"),
    [
        ((), "nothing differs", 2),
        (("policy=gredy",), "did you mean greedy", 2),
        (("policy=greedy", "policy.temperature=1"), "temperature", 2),
        (("policy.temperature=1",), "none is chosen", 2),
        (("policy=greedy", "estimators=[]"), "names none", 2),
        (("policy=greedy", "delta.of=delta"), "difference itself", 2),
        (("policy=greedy", "window=0"), "must be above 0", 2),
        (("policy=greedy", "window=inf"), "must be above 0", 2),
        (("policy=greedy", "candidates=some"), "unknown", 2),
        (("policy=greedy", "out=page.pdf"), "unsupported", 2),
        (("policy=greedy", "since=2030"), "no slate was shown then", 1),
        (("policy=greedy", "bundle=none"), "no slate was scored", 1),
        (("target=none",), "not a bundle", 1),
    ],
)
def test_what_cant_be_is_refused_in_words(place, log, words, said, status):
    assert said in place.run(OFFPOLICY, f"log={log}", *words, status=status)


def test_a_log_that_isnt_there_is_refused(place, tmp_path):
    for program, words in ((OFFPOLICY, ("policy=greedy",)), (FEEDBACK, ())):
        said = place.run(program, f"log={tmp_path / 'none'}", *words, status=1)
        assert "there is no log" in said


def test_a_log_is_described_forgotten_and_compacted(place, own):
    said = place.run(FEEDBACK, f"log={own}", "forget=u0-3")
    assert "1,499 slates" in said
    assert "plackett_luce" in said
    answer = json.loads(place.run(FEEDBACK, f"log={own}", "compact=true", "format=json"))
    assert answer["parts"]["segments"] == 1  # that of this hour is left alone
    assert answer["parts"]["forgotten"] >= 1
    assert len(read_log(own).slates) == 1499


def test_nobody_is_forgotten_without_the_salt(place, own):
    own.with_name("log.salt").unlink()
    assert "without its salt" in place.run(FEEDBACK, f"log={own}", "forget=u0-3", status=1)


def test_an_empty_log_is_described_and_tells_nothing(place, tmp_path):
    Log(tmp_path / "log")
    assert "0 slates" in place.run(FEEDBACK, f"log={tmp_path / 'log'}")
    refused = place.run(OFFPOLICY, f"log={tmp_path / 'log'}", "policy=greedy", status=1)
    assert "no slates" in refused


@pytest.mark.parametrize(
    ("words", "said", "status"),
    [
        ("server=http://example.org", "another machine", 2),
        ("users=0", "at least 1", 2),
        ("patience=1", "below 1", 2),
        ("spread=nan", "from 0 to 100", 2),
        ("server=http://127.0.0.1:1", "doesn't answer", 1),
    ],
)
def test_made_up_users_refuse_in_words(place, words, said, status):
    assert said in place.run("scripts/simulate.py", words, status=status)
