"""A sweep and two baselines that the tests of comparing share."""

import pytest
from helpers.run_folders import write_sweep

from seqrec.comparison.read.find import find_runs


@pytest.fixture(scope="module")
def outputs(tmp_path_factory):
    return write_sweep(tmp_path_factory.mktemp("place") / "outputs")


@pytest.fixture(scope="module")
def runs(outputs):
    found, skipped = find_runs([str(outputs)])
    assert not skipped
    return found
