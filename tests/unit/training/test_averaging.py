"""The moving average of the weights is what is validated and saved; training goes on without it."""

import copy

import pytest
import torch
from helpers.commands import told
from helpers.experiments import root, store_of
from pytorch_lightning.callbacks import Callback

from seqrec.columns import Columns
from seqrec.experiment.assemble import build_experiment
from seqrec.machine.hardware import find_hardware
from seqrec.run.folder import RunFolder
from seqrec.store.store import SequenceStore
from seqrec.store.views import View
from seqrec.terminal.console import console
from seqrec.training.trainer import build_trainer

SMALL = ("data.n_users=60", "data.n_items=40", "data.length=14", "batch.size=16")
OPTIONS = ("trainer.max_epochs=3", "trainer.patience=0", "trainer.precision=fp32", "dropout=0.2")


class Watch(Callback):
    """The weights after every step, and the metric of every validation."""

    def __init__(self):
        self.weights, self.results = [], []

    def on_train_batch_end(self, trainer, module, *_):
        self.weights.append({n: p.detach().clone() for n, p in module.named_parameters()})

    def on_validation_end(self, trainer, module):
        self.results.append(module.results)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return store_of(root(*SMALL), tmp_path_factory.mktemp("store"))


def trained(store, folder, *overrides):
    """Train; return the trainer, the experiment, what was seen on the way, and the last save."""
    config = root(*SMALL, *OPTIONS, *overrides)
    torch.manual_seed(0)
    experiment, watch = build_experiment(config, store), Watch()
    trainer = build_trainer(
        config,
        RunFolder(folder),
        find_hardware("cpu", "fp32"),
        monitor=experiment.monitor,
        mode=experiment.mode,
        logger=None,
        out=console(),
        first=[watch],
    )
    trainer.fit(experiment)
    last = torch.load(folder / "checkpoints" / "last.ckpt", weights_only=True)
    return trainer, experiment, watch, last


@pytest.mark.slow
def test_a_checkpoint_holds_the_average_and_training_goes_on_without(store, tmp_path):
    _, experiment, watch, last = trained(store, tmp_path / "with", "trainer.ema=0.9")
    _, plain, _, _ = trained(store, tmp_path / "without")
    start = {n: p for n, p in last["state_dict"].items() if n in dict(plain.named_parameters())}
    torch.manual_seed(0)
    first = build_experiment(root(*SMALL, *OPTIONS), store)
    average = {name: p.detach().double() for name, p in first.named_parameters()}
    assert start.keys() == average.keys()
    for step, weights in enumerate(watch.weights, 1):
        kept = min(0.9, (1 + step) / (10 + step))
        average = {n: kept * average[n] + (1 - kept) * w.double() for n, w in weights.items()}
    for name, value in average.items():
        torch.testing.assert_close(start[name].double(), value, atol=1e-6, rtol=1e-5)
    for name, value in plain.named_parameters():
        assert torch.equal(dict(experiment.named_parameters())[name], value)


def test_the_average_is_what_was_validated(store, tmp_path):
    trainer, experiment, watch, last = trained(store, tmp_path, "trainer.ema=0.9")
    experiment.load_state_dict(last["state_dict"])
    trainer.validate(experiment, verbose=False)
    assert experiment.results == watch.results[2]
    experiment.load_state_dict(last["state_dict"] | watch.weights[-1])
    trainer.validate(experiment, verbose=False)
    assert experiment.results != watch.results[2]


def test_what_training_goes_on_with_is_kept(store, tmp_path):
    _, _, watch, last = trained(store, tmp_path, "trainer.ema=0.5")
    assert last["averaging_state"]["n_averaged"] == 1 + len(watch.weights)
    assert last["current_model_state"].keys() == last["state_dict"].keys()
    for name, weight in watch.weights[-1].items():
        assert torch.equal(last["current_model_state"][name], weight)


def test_no_data_is_copied_for_the_average(store, tmp_path, monkeypatch):
    def refuse(self, memo):
        raise AssertionError(f"{type(self).__name__} is copied")

    for data in (SequenceStore, Columns, View):
        monkeypatch.setattr(data, "__deepcopy__", refuse, raising=False)
    _, experiment, _, _ = trained(
        store, tmp_path, "trainer.ema=0.5", "trainer.max_epochs=1", "evaluation.sampled=5"
    )
    assert experiment.judge.negatives is copy.deepcopy(experiment.judge.negatives)


def test_averages_that_can_not_be_are_refused():
    assert "trainer.ema=1.0: must be at least 0 and less than 1" in told("trainer.ema=1.0")
    assert "trainer.strategy=Sharded has none" in told("trainer=fsdp", "trainer.ema=0.9")
    assert "no weights to average" in told("model=popularity", "trainer.ema=0.9")
