"""The wait for the first training step is measured on the real program."""

import subprocess
import sys

import pytest
from helpers import ROOT

from seqrec.benchmark.startup import measure_startup


@pytest.mark.slow
def test_the_start_is_timed_and_its_imports_are_told():
    result = measure_startup(repeats=1)
    assert result["runs"] == [result["first_step_seconds"]]
    imports = result["import_seconds"]
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
