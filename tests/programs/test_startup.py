"""The wait for the first training step is measured on the real program."""

import gc

import pytest

from seqrec.benchmark import startup
from seqrec.benchmark.startup import measure_startup
from seqrec.experiment.job import load_run


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


def test_the_collector_is_on_again_when_everything_is_imported():
    gc.unfreeze()
    load_run.__wrapped__()  # as a process does it once
    assert gc.isenabled() and gc.get_freeze_count() > 100_000
