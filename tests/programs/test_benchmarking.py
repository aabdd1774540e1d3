"""The benchmark script: numbers as JSON and as a table."""

import json
import subprocess
import sys

import pytest
from helpers import ROOT


@pytest.mark.slow
def test_the_script_leaves_numbers_as_json_and_as_a_table(tmp_path):
    command = [
        *(sys.executable, "scripts/benchmark.py", "parts=[train, ranking]", "data=synthetic"),
        *("epochs=1", "threads=1", f"out={tmp_path}", "model=gru4rec"),
        "overrides=[data.n_users=60, dim=8, max_length=10]",
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "target positions/s" in done.stdout and "users/s" in done.stdout
    [path] = tmp_path.glob("*.json")
    content = json.loads(path.read_text())
    assert content["failed"] == {} and content["machine"]["threads"] == 1
    assert content["results"]["train"]["data"]["users"] == 60
    assert {line["part"] for line in content["lines"]} == {"train", "ranking"}
    wrong = subprocess.run(
        [*command, "overrides=[dimm=8]"], cwd=ROOT, capture_output=True, text=True
    )
    assert wrong.returncode == 2 and "did you mean" in wrong.stderr
    assert len(list(tmp_path.glob("*.json"))) == 1
