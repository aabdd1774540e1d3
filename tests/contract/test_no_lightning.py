"""What reads and serves runs does without what trains."""

import subprocess
import sys

import pytest
from helpers import ROOT

CODE = """
import importlib, pkgutil, sys
import seqrec.comparison, seqrec.evaluation, seqrec.recommend
for room in (seqrec.evaluation, seqrec.comparison, seqrec.recommend):
    for found in pkgutil.walk_packages(room.__path__, room.__name__ + "."):
        importlib.import_module(found.name)
heavy = {"pytorch_lightning", "lightning", "seqrec.training", "seqrec.experiment"}
print(sorted(heavy & sys.modules.keys()))
"""


@pytest.mark.slow
def test_evaluating_comparing_and_recommending_import_no_lightning():
    done = subprocess.run(
        [sys.executable, "-c", CODE], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
