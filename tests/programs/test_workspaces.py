"""The script that makes a view and a report in W&B."""

import json

import pytest


@pytest.mark.slow
def test_the_specs_are_printed_without_a_key_and_saving_needs_one(place):
    said = place.run("scripts/wandb_workspace.py", "group=x", "dry_run=true")
    assert set(json.loads(said)) == {"workspace", "report"}
    assert "no API key" in place.run("scripts/wandb_workspace.py", "group=x", status=2)
