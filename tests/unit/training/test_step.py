"""A training step: what it learns from, what it logs, and that an epoch can be had again."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from helpers.experiments import batches, root, store_of
from omegaconf import OmegaConf

from seqrec.config.typed import plain_values
from seqrec.errors import ConfigError
from seqrec.experiment.assemble import build_experiment
from seqrec.experiment.run import run
from seqrec.machine.hardware import find_hardware
from seqrec.objective.next_item import NextItem
from seqrec.run.folder import RunFolder
from seqrec.training.plan import make_plan

SMALL = ("data.n_users=60", "data.n_items=20", "data.length=10", "batch.size=20", "trainer.ema=0.5")
NOISE = {"_target_": "helpers.batches.Noise"}


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return store_of(root(*SMALL), tmp_path_factory.mktemp("store"))


class TwoTerms(NextItem):
    """Two terms of one loss."""

    def __call__(self, model, batch):
        loss, targets, _ = super().__call__(model, batch)
        norm = model.catalogue().table_VD.square().mean()
        return loss + norm, targets, {"next_item": loss, "norm": norm}


def logged(experiment, monkeypatch) -> dict[str, float]:
    """What a step logs."""
    found: dict[str, float] = {}
    monkeypatch.setattr(experiment, "log", lambda name, value, **_: found.update({name: value}))
    monkeypatch.setattr(experiment, "log_dict", lambda values, **_: found.update(values))
    experiment.training_step(next(iter(batches(experiment))), 0)
    return {name: value.item() for name, value in found.items()}


def test_a_loss_of_one_term_is_logged_as_the_loss_alone(store, monkeypatch):
    assert set(logged(build_experiment(root(*SMALL), store), monkeypatch)) == {"train/loss"}


def test_a_loss_of_several_terms_is_logged_term_by_term(store, monkeypatch):
    target = {"_target_": f"{__name__}.TwoTerms"}
    experiment = build_experiment(replace(root(*SMALL), objective=target), store)
    found = logged(experiment, monkeypatch)
    assert set(found) == {"train/loss", "train/next_item", "train/norm"}
    whole = found["train/next_item"] + found["train/norm"]
    assert found["train/loss"] == pytest.approx(whole, rel=1e-6)


def weights(folder: Path, *overrides: str, augment: dict) -> dict[str, torch.Tensor]:
    """Train in `folder`, or go on there; the weights of the last epoch."""
    config = OmegaConf.create(plain_values(replace(root(*SMALL, *overrides), augment=augment)))
    config.paths.cache_dir = str(folder.parent / "stores")
    run(config, folder, choices={"model": "a", "data": "b"}, overrides=[])
    return torch.load(folder / "checkpoints" / "last.ckpt", weights_only=True)["state_dict"]


def equal(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return all(torch.equal(value, other[name]) for name, value in one.items())


@pytest.mark.slow
def test_a_resumed_run_sees_the_augmented_batches_of_an_unbroken_one(tmp_path):
    unbroken = weights(tmp_path / "a", "trainer.max_epochs=3", augment=NOISE)
    weights(tmp_path / "b", "trainer.max_epochs=1", augment=NOISE)
    assert equal(weights(tmp_path / "b", "trainer.max_epochs=3", augment=NOISE), unbroken)
    clean = weights(tmp_path / "c", "trainer.max_epochs=3", augment=plain_values(root())["augment"])
    assert not equal(clean, unbroken)


LEARNERS = {  # an objective and a sampler with weights of their own, and one that keeps a count
    "sqn": ("objective=sqn", "objective.by=novelty", "loss=bpr", "negatives=adversarial"),
    "worst_group": ("objective=worst_group",),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", LEARNERS)
def test_what_learns_beside_the_model_is_trained_saved_and_resumed(name, tmp_path):
    none = plain_values(root())["augment"]
    chosen = (*LEARNERS[name], "trainer.patience=0")
    unbroken = weights(tmp_path / "a", "trainer.max_epochs=3", *chosen, augment=none)
    once = weights(tmp_path / "b", "trainer.max_epochs=1", *chosen, augment=none)
    beside = [key for key in once if key.startswith(("objective.", "negatives."))]
    assert beside and not any(torch.equal(once[key], unbroken[key]) for key in beside)
    resumed = weights(tmp_path / "b", "trainer.max_epochs=3", *chosen, augment=none)
    assert resumed.keys() == unbroken.keys() and equal(resumed, unbroken)


def test_a_plan_leaves_what_an_objective_counts_as_it_was(store):
    experiment = build_experiment(root(*SMALL, "objective=worst_group"), store)
    before = experiment.objective.share_G.clone()
    make_plan(experiment, find_hardware("cpu", "fp32"))
    assert torch.equal(experiment.objective.share_G, before)


class Refusing:
    """An augmentation that is asked for nothing."""

    def __call__(self, batch, generator):
        raise AssertionError("this batch isn't one to learn from")


def test_only_training_is_augmented(store):
    config = replace(root(*SMALL), augment={"_target_": f"{__name__}.Refusing"})
    experiment = build_experiment(config, store).eval()
    experiment.validation_step(next(iter(experiment.eval_batches(experiment.splits.valid))), 0)
    with pytest.raises(AssertionError, match="to learn from"):
        experiment.learn(next(iter(batches(experiment))))


class Timed(torch.nn.Module):
    """An encoder that reads the time of each event."""

    causal = True
    wanted = ("timestamp",)

    def forward(self, x_BLD, history):
        return x_BLD + history.event["timestamp"][..., None].float().mul(1e-12)


@pytest.fixture(scope="module")
def timed(tmp_path_factory):
    """A store of events with times."""
    folder = tmp_path_factory.mktemp("timed")
    rows = [f"{u},{(u + t) % 20},{1_700_000_000 + t}" for u in range(30) for t in range(8)]
    (folder / "e.csv").write_text("user_id,item_id,timestamp\n" + "\n".join(rows))
    return store_of(root("data=files", f"data.path={folder / 'e.csv'}"), folder)


def test_an_encoder_that_wants_times_gets_them_without_a_context(timed):
    config = replace(root(), encoder={"_target_": f"{__name__}.Timed"})
    experiment = build_experiment(config, timed)
    batch = next(iter(batches(experiment)))
    assert set(batch.history.event) == {"timestamp"}
    assert experiment.learn(batch)[0].isfinite()
    assert "timestamp" in experiment.facts.events


@pytest.mark.parametrize("name", ["hstu", "transformer"])
@pytest.mark.parametrize("time", [None, "events", "request"])
def test_a_key_decides_whether_an_encoder_gets_times(timed, name, time):
    experiment = build_experiment(root(f"encoder={name}", f"encoder.time={time or 'null'}"), timed)
    batch = next(iter(batches(experiment)))
    assert set(batch.history.event) == ({"timestamp"} if time else set())
    assert experiment.learn(batch)[0].isfinite()


def test_an_encoder_that_wants_what_the_data_lacks_is_refused(timed, monkeypatch):
    monkeypatch.setattr(Timed, "wanted", ("timestamp", "mood"))
    config = replace(root(), encoder={"_target_": f"{__name__}.Timed"})
    with pytest.raises(ConfigError, match="it reads the event columns mood"):
        build_experiment(config, timed)


def test_a_run_from_before_objectives_had_names_is_one_of_the_next_item(tmp_path):
    config, folder = plain_values(root()), RunFolder(tmp_path)
    folder.write_config({k: v for k, v in config.items() if k not in ("objective", "augment")})
    assert plain_values(folder.config()) == config
