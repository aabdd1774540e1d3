"""The command ``promote``, typed in a folder of bundles, and what it left there."""

from helpers.simulated_logs import open_all
from seqrec.commands import promote as program
from seqrec.config.cli.script import parse
from seqrec.live import read_live
from seqrec.live.record import history

ITEMS = 120
PATIENT = ("latency.ratio=20", "latency.p99_ms=10000")  # no test depends on how busy a computer is


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


def start_canary(place):
    assert run(place, "candidate=new", "log=log", "share=0.3") == 0
