"""Every model of the catalogue is a function of seed and epoch: killed, it ends as if it wasn't."""

import itertools

import polars as pl
import pytest
import torch
from helpers.components import trained_models
from helpers.experiments import root
from helpers.place import ranked
from omegaconf import OmegaConf

from seqrec.config.typed import plain_values
from seqrec.experiment.run import run
from seqrec.training.module import TrainedModule

SMALL = ("data.n_users=48", "data.n_items=30", "data.length=10", "max_length=10", "dropout=0.3")
SMALL += ("batch.size=16", "trainer.max_epochs=2", "trainer.patience=0", "negatives.num=8")
SMALL += ("metric=[ndcg]", "list_metric=[]")  # of ranks, which are compared one by one
TRAINED = trained_models()
pytestmark = pytest.mark.slow


class KilledError(Exception):
    """What ends a run in the middle of an epoch."""


@pytest.fixture(scope="module")
def stores(tmp_path_factory):
    """A cache that the runs share."""
    return tmp_path_factory.mktemp("stores")


def train(folder, stores, model):
    """A run in `folder`, that goes on with what it finds there."""
    config = OmegaConf.create(plain_values(root(f"model={model}", *SMALL)))
    config.paths.cache_dir = str(stores)
    run(config, folder, choices={"model": model, "data": "synthetic"}, overrides=[])


def train_and_kill(folder, stores, model, patch):
    """A run that ends at the second batch of its second epoch."""
    step = TrainedModule.training_step

    def killed(self, batch, index):
        if self.current_epoch == 1 and index == 1:
            raise KilledError
        return step(self, batch, index)

    with patch.context() as patched, pytest.raises(KilledError):
        patched.setattr(TrainedModule, "training_step", killed)
        train(folder, stores, model)


def tensors(node):
    """All tensors within lists and dicts, in order."""
    if torch.is_tensor(node):
        return [node]
    inner = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    return [tensor for value in inner for tensor in tensors(value)]


def check_resumes(folder, stores, model, patch):
    """The weights, the optimizer's state and all metrics are those of the unbroken run."""
    train(folder / "unbroken", stores, model)
    train_and_kill(folder / "killed", stores, model, patch)
    train(folder / "killed", stores, model)
    ends = [folder / name / "checkpoints" / "last.ckpt" for name in ("unbroken", "killed")]
    unbroken, resumed = (torch.load(end, weights_only=True) for end in ends)
    assert unbroken["global_step"] == resumed["global_step"] > 4
    for part in ("state_dict", "optimizer_states"):
        here, there = tensors(unbroken[part]), tensors(resumed[part])
        assert len(here) == len(there) > 0
        assert all(torch.equal(a, b) for a, b in zip(here, there, strict=True)), part
    assert ranked(folder / "killed") == ranked(folder / "unbroken")
    here, there = (
        pl.read_parquet(folder / name / "ranks.parquet") for name in ("killed", "unbroken")
    )
    assert here.equals(there)


@pytest.mark.parametrize("model", TRAINED)
def test_a_killed_run_ends_where_an_unbroken_one_ends(model, tmp_path, stores, monkeypatch):
    check_resumes(tmp_path, stores, model, monkeypatch)


def test_batches_that_are_no_function_of_the_epoch_are_found_out(tmp_path, stores, monkeypatch):
    made, calls = TrainedModule.epoch_batches, itertools.count()
    monkeypatch.setattr(
        TrainedModule,
        "epoch_batches",
        lambda self, epoch, **given: made(self, next(calls), **given),
    )
    with pytest.raises(AssertionError):
        check_resumes(tmp_path, stores, TRAINED[0], monkeypatch)


def test_draws_that_are_no_function_of_the_epoch_are_found_out(tmp_path, stores, monkeypatch):
    begin = TrainedModule.on_train_epoch_start

    def forget(self):
        begin(self)
        torch.manual_seed(torch.seed())

    monkeypatch.setattr(TrainedModule, "on_train_epoch_start", forget)
    with pytest.raises(AssertionError):
        check_resumes(tmp_path, stores, TRAINED[0], monkeypatch)
