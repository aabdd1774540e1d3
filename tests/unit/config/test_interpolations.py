"""What can't be composed is told in words, before anything runs."""

import shlex

import pytest
from helpers import CONFIGS
from helpers.commands import told

from seqrec.config.cli.command_line import check_command_line


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("dim=${dims}", "there is no key dims"),
        ("paths.output_dir=${oc.env:NOSUCH}/x", "the environment variable NOSUCH isn't set"),
        ('tags=["${x}"]', "there is no key x"),
        ("hydra.run.dir=${nope}", "there is no key nope"),
    ],
)
def test_an_interpolation_that_leads_nowhere_is_a_mistake_of_its_key(override, words):
    text = told(override)
    assert override.partition("=")[0] in text and words in text
    assert "has a mistake" in text  # keys that depend on it aren't repeated


def test_what_has_to_be_quoted_is_shown_as_it_is_typed():
    text = told("group=it's my (group)")
    [typed] = shlex.split(text.partition("write it in quotes: ")[2].splitlines()[0])
    assert check_command_line([typed], config_dir=CONFIGS) == [typed]
    assert "a mistake" in told("data=files", "data.path=/it's/a.csv")


def test_a_sweep_has_each_run_once():
    text = told("-m", "seed=1,2,1")
    assert "seed=1,2,1: has seed=1 more than once" in text
