"""The wait for the first training step is measured on the real program."""

import subprocess
import sys

import pytest
from helpers import ROOT

from seqrec.benchmark import startup
from seqrec.benchmark.startup import measure_startup


def test_the_fastest_start_counts_and_the_first_one_does_not(monkeypatch):
    taken = iter([9.0, 3.0, 2.0])
    monkeypatch.setattr(startup, "_first_step", lambda *_: next(taken))
    monkeypatch.setattr(startup, "_import_seconds", dict)
    result = measure_startup(repeats=2)
    assert result == {"first_step_seconds": 2.0, "runs": [3.0, 2.0], "import_seconds": {}}


@pytest.mark.slow
def test_the_first_step_is_timed_and_imports_are_told(tmp_path):
    assert startup._first_step(startup.TINY, tmp_path) > 0
    imports = startup._import_seconds()
    assert {"torch", "pytorch_lightning", "polars", "seqrec"} <= set(imports)
    assert list(imports.values()) == sorted(imports.values(), reverse=True)
    assert 0 < imports["torch"] < sum(imports.values())


@pytest.mark.slow
def test_a_run_that_fails_says_why():
    with pytest.raises(RuntimeError, match="encoder=lsmt: unknown"):
        measure_startup("encoder=lsmt", repeats=1)


@pytest.mark.slow
def test_the_collector_is_on_again_when_everything_is_imported():
    code = "import gc; from seqrec.experiment.job import load_run; load_run()"
    code += "; print(gc.isenabled(), gc.get_freeze_count())"
    command = [sys.executable, "-c", code]
    said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    enabled, frozen = said.split()
    assert enabled == "True" and int(frozen) > 100_000
