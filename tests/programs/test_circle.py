"""The page of the whole circle, typed on small data, with a server that stays up."""

import shlex
import signal
import socket
import time
from urllib.request import urlopen

import pytest
from helpers import ROOT
from helpers.apart import Apart
from helpers.pages import blocks
from helpers.programs import run_here

from seqrec.feedback import read_log

SMALL = (  # the model that is captured fastest
    *("model=stamp", "data=synthetic", "data.n_users=60", "data.n_items=30", "data.length=12"),
    *("dim=8", "trainer=cpu", "logger=none", "trainer.max_epochs=1"),
)
with socket.create_server(("127.0.0.1", 0)) as free:
    PORT = free.getsockname()[1]
FEWER = {"users": "8", "visits": "2"}


def commands():
    """What the page says to type: the program and its words."""
    page = blocks(ROOT / "docs/circle.md")
    return [shlex.split(command)[1:] for block in page for command in block.commands]


def smaller(program, words):
    """The same with small data, few users and a server of this test."""
    if program == "train.py":
        kept = [w for w in words if not w.startswith(("model=", "data=", "trainer.max_epochs="))]
        return [*kept, *SMALL]
    if program == "scripts/simulate.py":
        given = dict(word.split("=", 1) for word in words) | FEWER
        return [f"server=http://127.0.0.1:{PORT}", *(f"{k}={v}" for k, v in given.items())]
    if program == "scripts/serve.py":
        return [*words, f"port={PORT}"]
    return [word.replace("<time>", "2020") for word in words]


def wait_until_ready():
    for _ in range(600):
        try:
            with urlopen(f"http://127.0.0.1:{PORT}/health/ready", timeout=1):
                return
        except OSError:
            time.sleep(0.05)
    raise AssertionError("the server doesn't get ready")


@pytest.mark.slow
def test_the_circle_closes(place):
    folder, server = place.folder, None
    try:
        for program, *given in commands():
            words = smaller(program, given)
            if program == "scripts/serve.py":
                server = Apart([str(ROOT / program), *words], place.env, folder)
                wait_until_ready()
                continue
            status, said = run_here(ROOT / program, words, place.env, folder=folder)
            stopped = program == "scripts/promote.py" and "stopped" in said  # so few users
            assert status == 0 or stopped, said
        log = read_log(folder / "outputs/serving/log")
        assert len(log.slates) > 0
        assert log.counts["torn"] == 0
    finally:
        if server is not None:
            server.send_signal(signal.SIGTERM)
            server.wait()
