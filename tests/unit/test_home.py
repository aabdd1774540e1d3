"""How a user types a command depends on how the program was started."""

import sys

import pytest

from seqrec import home
from seqrec.home import as_started, command


@pytest.mark.parametrize("program", ["train.py", "scripts/tune.py", "/lib/ipykernel_launcher.py"])
def test_in_a_checkout_a_command_is_a_script(program, monkeypatch):
    monkeypatch.setattr(sys, "argv", [program])
    assert command("train", "tags=[a b]") == "python train.py 'tags=[a b]'"
    assert command("compare") == "python scripts/compare.py"


@pytest.mark.parametrize("program", ["/venv/bin/seqrec", "seqrec.exe", "/lib/seqrec/__main__.py"])
def test_started_as_seqrec_it_says_so(program, monkeypatch):
    monkeypatch.setattr(sys, "argv", [program])
    assert command("train", "seed=1") == "seqrec train seed=1"
    text = "python train.py -m seed=1,2, then python scripts/compare.py outputs"
    assert as_started(text) == "seqrec train -m seed=1,2, then seqrec compare outputs"


def test_where_there_is_no_checkout_it_is_always_seqrec(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["notebook"])
    monkeypatch.setattr(home, "CONFIGS", home.IN_WHEEL)
    assert command("evaluate", "run=x") == "seqrec evaluate run=x"
