"""The log's past hours: Parquet beside the requests, and nothing lost, whatever is killed."""

import os
import random
import signal
import subprocess
import sys
import time

import pytest
from filelock import FileLock
from helpers import ROOT
from helpers.feedback import slate
from helpers.serving import ask, made, recommend, settings, small

from seqrec.feedback import Log, compact, read_log
from seqrec.serve import hours as room
from seqrec.serve.build import app_of
from seqrec.serve.hours import Hours

HOUR = 3_600_000


def past(folder, monkeypatch, hours=3, lines=50):
    """A log of hours of 1970."""
    log = Log(folder)
    for hour in range(hours):
        with monkeypatch.context() as then:
            then.setattr("seqrec.feedback.write.now", lambda hour=hour: hour * HOUR)
            log.write([slate(f"r{hour}-{at}") for at in range(lines)])
    log.close()
    return folder


def done(hours):
    """Look until the process has ended."""
    until = time.monotonic() + 60
    hours.look()
    while hours._process is not None:
        assert time.monotonic() < until
        time.sleep(0.01)
        hours.look()


def test_a_server_turns_past_hours_into_parquet(tmp_path, monkeypatch):
    folder = past(tmp_path / "log", monkeypatch)
    app = made(tmp_path)
    recommend(app, {"items": ["i1"]})
    done(app.hours)
    assert len(list(folder.glob("*.parquet"))) == 3
    assert len(list(folder.glob("*.jsonl"))) == 1  # of this hour
    assert len(read_log(folder).slates) == 151
    assert ask(app, ("GET", "/health/ready"))[0].json["trouble"] == {}


def test_a_writer_that_rests_gives_its_past_hour_free(tmp_path, monkeypatch):
    log = Log(tmp_path / "log")
    log.write([slate("r1")])
    log.rest()
    assert log._handle >= 0
    later = 1000 * time.time() + HOUR
    monkeypatch.setattr("seqrec.feedback.write.now", lambda: int(later))
    log.rest()
    assert log._handle < 0


def test_one_at_a_time_does_it(tmp_path, monkeypatch):
    folder = past(tmp_path / "log", monkeypatch)
    with FileLock(folder / ".compact.lock"):
        assert compact(folder, wait=False)["parts"] == 0
        assert room.main(str(folder)) == 0
    assert not list(folder.glob("*.parquet"))


def test_only_the_first_worker_of_a_log_looks(tmp_path):
    bundle = small(tmp_path / "bundle")
    assert made(tmp_path, bundle).hours is not None
    assert made(tmp_path, bundle, compact=False).hours is None
    assert made(tmp_path, bundle, log=False).hours is None
    given = settings(tmp_path, workers=2)
    assert [app_of(given, worker).hours is None for worker in (0, 1)] == [False, True]


def test_a_disk_that_takes_nothing_is_told_and_loses_nothing(tmp_path, monkeypatch, capsys):
    folder = past(tmp_path / "log", monkeypatch)
    broken = folder / "1970-01-01T00.parquet"
    broken.write_bytes(b"not one")
    hours = Hours(folder)
    done(hours)
    assert "damaged" in hours.trouble and "stay as they are" in capsys.readouterr().err
    broken.unlink()
    assert len(read_log(folder).slates) == 150
    assert room.main(str(folder)) == 0
    assert len(read_log(folder).slates) == 150


@pytest.mark.slow
def test_no_kill_loses_a_line(tmp_path, monkeypatch):
    folder = past(tmp_path / "log", monkeypatch, hours=6, lines=300)
    env, rng = {**os.environ, "PYTHONPATH": str(ROOT)}, random.Random(0)
    code = "from seqrec.feedback import compact; print(1, flush=True); compact(sys.argv[1])"
    words = [sys.executable, "-c", f"import sys; {code}", str(folder)]
    for _ in range(6):
        process = subprocess.Popen(words, env=env, stdout=subprocess.PIPE)
        assert process.stdout is not None and process.stdout.readline()
        time.sleep(rng.uniform(0.0, 0.03))
        process.send_signal(signal.SIGKILL)
        process.communicate()
        found = read_log(folder)
        assert len(found.slates) == 1800 and found.counts["doubled_slates"] == 0
    assert room.main(str(folder)) == 0
    assert len(list(folder.glob("*.parquet"))) == 6
    assert not [file for file in folder.iterdir() if file.suffix in (".part", ".jsonl")]
    assert len(read_log(folder).slates) == 1800
