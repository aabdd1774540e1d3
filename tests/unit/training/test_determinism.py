"""``trainer.deterministic``: the same bits again."""

import random
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers.experiments import root
from omegaconf import OmegaConf

from seqrec.config.typed import plain_values
from seqrec.experiment.run import run
from seqrec.layers.prefix import prefix_mean
from seqrec.machine.determinism import choose_algorithms, seed_all

SMALL = ("data.n_users=256", "data.n_items=40", "data.length=14", "batch.size=128", "dim=32")
SMALL += ("trainer.max_epochs=2", "dropout=0.3", "trainer.deterministic=true")
SAMPLED = ("loss=sampled_softmax", "negatives.num=16")
CHOICES = {"model": "a", "data": "b"}


@pytest.fixture(autouse=True)
def _as_before(monkeypatch):
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", "")
    yield
    choose_algorithms(deterministic=False)
    torch.set_num_threads(1)


def trained(folder: Path, *overrides: str) -> dict:
    """``last.ckpt`` of a run: weights, moments of the optimizer, what is counted."""
    config = OmegaConf.create(plain_values(root(*SMALL, *overrides)))
    config.paths.cache_dir = str(folder.parent / "stores")
    run(config, folder, choices=CHOICES, overrides=[])
    return torch.load(folder / "checkpoints" / "last.ckpt", weights_only=True)


def tensors(node) -> list[torch.Tensor]:
    if torch.is_tensor(node):
        return [node]
    inner = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    return [tensor for value in inner for tensor in tensors(value)]


def assert_bit_equal(one: dict, other: dict):
    for part in ("state_dict", "optimizer_states"):
        here, there = tensors(one[part]), tensors(other[part])
        assert len(here) == len(there) > 3
        assert all(torch.equal(a, b) for a, b in zip(here, there, strict=True)), part


@pytest.mark.slow
@pytest.mark.parametrize(
    ("threads", "model"),
    [
        (2, ("model=lstm_attn", *SAMPLED, "trainer.max_epochs=1")),  # large enough for both
        (1, ("model=sasrec", *SAMPLED, "optimizer=lazy_adam")),
        (1, ("model=stamp",)),
    ],
    ids=["two threads", "sasrec", "stamp"],
)
def test_two_runs_leave_the_same_bits(tmp_path, threads, model):
    torch.set_num_threads(threads)
    first, second = (trained(tmp_path / name, *model) for name in ("a", "b"))
    assert torch.are_deterministic_algorithms_enabled()
    assert_bit_equal(first, second)


@pytest.mark.slow
def test_another_seed_leaves_other_bits(tmp_path):
    runs = (trained(tmp_path / seed, f"seed={seed}", "trainer.max_epochs=1") for seed in "12")
    weights = [tensors(run["state_dict"]) for run in runs]
    assert not all(torch.equal(a, b) for a, b in zip(*weights, strict=True))


@pytest.mark.gpu
@pytest.mark.parametrize("model", ["lstm_attn", "sasrec", "stamp", "narm", "transformer_attn"])
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_two_runs_on_a_gpu_leave_the_same_bits(tmp_path, model, precision):
    given = (f"model={model}", "trainer=gpu", f"trainer.precision={precision}")
    assert_bit_equal(trained(tmp_path / "a", *given), trained(tmp_path / "b", *given))


@pytest.mark.slow
def test_a_run_that_does_not_ask_for_it_is_not_held_to_it(tmp_path):
    choose_algorithms(deterministic=True)
    trained(tmp_path / "a", "trainer.deterministic=false", "trainer.max_epochs=1")
    assert not torch.are_deterministic_algorithms_enabled()


def test_the_deterministic_prefix_mean_is_the_running_sums():
    h_BLD = torch.randn(3, 150, 5)
    usual = prefix_mean(h_BLD)
    choose_algorithms(deterministic=True)
    torch.testing.assert_close(prefix_mean(h_BLD), usual)
    assert prefix_mean(h_BLD.bfloat16()).dtype == torch.bfloat16


def test_a_seed_reaches_every_generator():
    drawn = []
    for _ in range(2):
        seed_all(7)
        drawn.append((random.random(), np.random.rand(), torch.rand(()).item()))
    assert drawn[0] == drawn[1]
