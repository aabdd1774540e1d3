"""What a run is expected to take."""

import pytest
import torch
from helpers.experiments import root, store_of

from seqrec.experiment.assemble import build_experiment
from seqrec.experiment.report import print_plan
from seqrec.machine.hardware import find_hardware
from seqrec.training import plan

CPU = find_hardware("cpu", "fp32")


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return store_of(root("data.n_users=60", "data.n_items=200"), tmp_path_factory.mktemp("store"))


@pytest.mark.parametrize("model", ["sasrec", "lstm_attn"])
def test_a_plan_is_finite_and_changes_nothing(store, model):
    experiment = build_experiment(root(f"model={model}", "dropout=0.5"), store)
    before = {key: value.clone() for key, value in experiment.state_dict().items()}
    state = torch.get_rng_state()
    expected = plan.make_plan(experiment, CPU)
    assert 0 < expected.seconds < float("inf") and expected.peak > 0 and expected.advice == ""
    assert torch.equal(torch.get_rng_state(), state)
    assert all(p.grad is None for p in experiment.parameters())
    for key, value in experiment.state_dict().items():
        assert torch.equal(value, before[key])


def test_a_longer_epoch_and_a_larger_batch_are_seen(store, monkeypatch):
    monkeypatch.setattr(plan, "_trial", lambda *_: (2.0, 1000, 10))
    monkeypatch.setattr(plan, "_memory", lambda _: (10**9, 0))
    few = build_experiment(root("batch.size=4"), store)
    many = build_experiment(root("batch.size=40"), store)
    one, two = plan.make_plan(few, CPU), plan.make_plan(many, CPU)
    positions = few.epoch_batches(0).n_positions
    assert one.seconds == pytest.approx(2.0 * positions / 10, rel=0.01)
    assert two.peak - one.peak > 100 * plan.BACKWARD * 20 * 10


@pytest.mark.parametrize(
    ("loss", "advice"),
    [("cross_entropy", "loss=sampled_softmax"), ("sampled_softmax", "batch.size")],
)
def test_what_does_not_fit_is_told_with_a_way_out(store, monkeypatch, loss, advice, capsys):
    monkeypatch.setattr(plan, "_memory", lambda _: (1000, 0))
    expected = plan.make_plan(build_experiment(root(f"loss={loss}"), store), CPU)
    assert expected.seconds == float("inf") and advice in expected.advice


def test_long_epochs_are_told_with_a_way_out(store, monkeypatch):
    monkeypatch.setattr(plan, "_trial", lambda *_: (1e6, 1000, 10))
    assert "200 items" in plan.make_plan(build_experiment(root(), store), CPU).advice


@pytest.mark.parametrize(
    ("seconds", "free", "advice", "told"),
    [
        (0.2, 2**30, "", "less than a second per epoch, 2.0 GiB"),
        (12.4, 2**30, "", "about 12 s per epoch, 2.0 GiB"),
        (float("inf"), 2**30, "do this", "1.0 GiB are free; do this"),
        (9999.0, 2**31, "do that", "2.0 GiB are free; do that"),
    ],
)
def test_the_plan_is_told(seconds, free, advice, told, capsys):
    from rich.console import Console

    print_plan(Console(width=200), plan.Plan(seconds, 2 * 2**30, free, advice))
    assert told in capsys.readouterr().out
