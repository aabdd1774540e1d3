"""What a run is expected to take."""

import re
from io import StringIO

import pytest
import torch
from helpers.experiments import root, store_of
from rich.console import Console

from seqrec.config.schema import Trainer
from seqrec.experiment.assemble import build_experiment
from seqrec.experiment.report import print_plan
from seqrec.machine.hardware import find_hardware
from seqrec.run.folder import RunFolder
from seqrec.terminal.console import console
from seqrec.training import plan
from seqrec.training.trainer import build_trainer, evaluating_trainer

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
        (12.4, 2**30, "", "about 12 s per epoch and 3 s per validation, 2.0 GiB"),
        (float("inf"), 2**30, "do this", "1.0 GiB are free; do this"),
        (9999.0, 2**31, "do that", "2.0 GiB are free; do that"),
    ],
)
def test_the_plan_is_told(seconds, free, advice, told, capsys):
    valid = seconds / 4
    print_plan(Console(width=200), plan.Plan(seconds, valid, 2 * 2**30, free, advice))
    assert told in capsys.readouterr().out


def test_a_plan_counts_the_validation(store, monkeypatch):
    monkeypatch.setattr(plan, "_least_seconds", lambda *_: 2.0)
    for size, batches in ((60, 1), (6, 10)):
        experiment = build_experiment(root(f"batch.eval_size={size}"), store)
        assert plan.make_plan(experiment, CPU).valid_seconds == 2.0 * batches


@pytest.mark.parametrize(
    ("seconds", "peak", "corrected"),
    [(10.0, 2**30, False), (12.0, 2**30, False), (20.0, 2**30, True), (10.0, 2**31, True)],
)
def test_the_first_epoch_corrects_a_plan_that_was_wrong(seconds, peak, corrected):
    expected = plan.Plan(10.0, 1.0, 2**30, 2**33, "")
    assert plan.Plan(seconds, 1.0, peak, 2**33, "").differs_from(expected) == corrected


def test_a_run_prints_the_correction_once(store, tmp_path, capsys):
    experiment = build_experiment(root("trainer.max_epochs=3"), store)
    wrong = plan.Plan(100.0, 10.0, 2**20, 2**33, "")
    trainer = build_trainer(
        experiment.config, RunFolder(tmp_path), CPU,
        monitor=experiment.monitor, mode="max", logger=None, out=console(), plan=wrong,
    )  # fmt: skip
    trainer.fit(experiment)
    [line] = [line for line in capsys.readouterr().out.splitlines() if "measured" in line]
    assert "less than a second per epoch" in line and line.endswith("by the first epoch")


def test_the_test_has_a_bar_in_a_terminal(store):
    written = StringIO()
    out = Console(file=written, force_terminal=True, width=100)
    evaluating_trainer(Trainer(accelerator="cpu"), out).test(
        build_experiment(root(), store), verbose=False
    )
    assert re.search(r"test.*1/1.*batches", written.getvalue())
