"""How many CPU threads a run uses."""

import pytest
import torch
from helpers.experiments import root, store_of

from seqrec.experiment.assemble import build_experiment
from seqrec.machine.hardware import find_hardware
from seqrec.training import threads

CPU = find_hardware("cpu", "fp32")


@pytest.fixture
def module(tmp_path):
    return build_experiment(root("trainer=cpu"), store_of(root("data.n_users=60"), tmp_path))


@pytest.fixture(autouse=True)
def _four(monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    with threads.threads_restored():
        torch.set_num_threads(4)
        yield
    assert torch.get_num_threads() == 1  # as conftest.py sets it


def taking(monkeypatch, seconds):
    """Let a step take so long with each number of threads."""
    monkeypatch.setattr(threads, "_seconds", lambda *_: seconds[torch.get_num_threads()])


@pytest.mark.parametrize(
    ("seconds", "chosen"),
    [
        ({4: 1.0, 2: 1.5}, 4),  # an idle machine
        ({4: 1.0, 2: 0.9}, 4),  # hardly faster: not worth other roundings
        ({4: 4.0, 2: 1.0, 1: 1.5}, 2),
        ({4: 9.0, 2: 4.0, 1: 1.0}, 1),  # every core is used by others
    ],
)
def test_fewer_threads_are_used_where_they_are_faster(module, monkeypatch, seconds, chosen):
    taking(monkeypatch, seconds)
    assert threads.choose_threads(module, CPU) == (chosen < 4)
    assert torch.get_num_threads() == chosen


@pytest.mark.parametrize("why", ["environment", "deterministic", "processes"])
def test_what_is_fixed_stays(module, monkeypatch, why):
    taking(monkeypatch, {4: 9.0, 2: 4.0, 1: 1.0})
    if why == "environment":
        monkeypatch.setenv("OMP_NUM_THREADS", "4")
    module.config.trainer.deterministic = why == "deterministic"
    module.config.trainer.devices = 2 if why == "processes" else 1
    assert not threads.choose_threads(module, CPU) and torch.get_num_threads() == 4


def test_timing_changes_nothing(module, monkeypatch):
    monkeypatch.setattr(threads, "STEPS", 1)  # with four threads on fewer cores, steps are slow
    before = {key: value.clone() for key, value in module.state_dict().items()}
    state = torch.get_rng_state()
    threads.choose_threads(module, CPU)
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(value, before[key]) for key, value in module.state_dict().items())
