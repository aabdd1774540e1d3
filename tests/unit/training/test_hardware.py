"""Device and precision, on machines that this one isn't."""

import pytest
import torch
from helpers.experiments import root
from omegaconf import OmegaConf

from seqrec.config.typed import plain_values
from seqrec.errors import ConfigError
from seqrec.experiment.run import run
from seqrec.loss import cross_entropy
from seqrec.machine.hardware import find_hardware
from seqrec.run.folder import RunFolder


@pytest.fixture
def machine(monkeypatch):
    """Pretend: what torch finds, and what the CPU and the GPU can do."""

    def pretend(*, cuda: tuple[int, int] | None = None, mps: bool = False, bf16: bool = False):
        monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda is not None)
        monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "some GPU")
        monkeypatch.setattr(torch.cuda, "get_device_capability", lambda: cuda)
        monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)
        monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_bf16": bf16})

    return pretend


def found(accelerator: str, precision: str = "auto") -> tuple[str, str]:
    hardware = find_hardware(accelerator, precision)
    return hardware.kind, hardware.precision


def test_an_apple_machine(machine):
    machine(mps=True)
    for accelerator in ("auto", "gpu", "mps"):
        assert found(accelerator) == ("mps", "fp32")
    assert find_hardware("gpu", "auto").device == "Apple GPU"
    assert found("cpu") == ("cpu", "fp32")
    with pytest.raises(ConfigError, match="accelerator=cuda needs a GPU, and torch finds none"):
        find_hardware("cuda", "auto")


def test_a_machine_with_an_nvidia_gpu(machine):
    machine(cuda=(9, 0))
    for accelerator in ("auto", "gpu", "cuda"):
        assert found(accelerator) == ("cuda", "bf16")
    assert found("gpu", "fp32") == ("cuda", "fp32")
    machine(cuda=(7, 5))
    assert found("auto") == ("cuda", "fp16")


def test_a_machine_without_a_gpu(machine):
    machine()
    assert found("auto") == ("cpu", "fp32")
    for accelerator in ("gpu", "cuda", "mps"):
        with pytest.raises(ConfigError, match="torch finds none"):
            find_hardware(accelerator, "auto")
    with pytest.raises(ConfigError, match="precision=bf16 isn't available"):
        find_hardware("cpu", "bf16")
    machine(bf16=True)
    assert found("auto") == ("cpu", "bf16")


def test_unknown_names_are_refused():
    with pytest.raises(ConfigError, match="accelerator=gpuu is unknown"):
        find_hardware("gpuu", "auto")
    with pytest.raises(ConfigError, match="precision=bf17 is unknown"):
        find_hardware("cpu", "bf17")


@pytest.mark.slow
@pytest.mark.parametrize(
    "model",
    [("model=sasrec",), ("model=gru_attn", "optimizer=adagrad"), ("encoder=gru", "loss=bpr")],
    ids=str,
)
def test_a_run_in_bf16(machine, tmp_path, model):
    machine(bf16=True)
    folder = small_run(tmp_path, *model)
    assert folder.about()["precision"] == "bf16" and folder.best.is_file()


@pytest.mark.slow
@pytest.mark.parametrize(("bf16", "dtype"), [(True, torch.bfloat16), (False, torch.float32)])
def test_the_loss_multiplies_in_the_precision_of_the_run(
    machine, tmp_path, monkeypatch, bf16, dtype
):
    seen, plain_loss = set(), cross_entropy.linear_cross_entropy

    def spy(query_ND, *rest, **options):
        if query_ND.requires_grad:  # held-out events are judged in float32
            seen.add(query_ND.dtype)
        return plain_loss(query_ND, *rest, **options)

    machine(bf16=bf16)
    monkeypatch.setattr(cross_entropy, "linear_cross_entropy", spy)
    small_run(tmp_path, "model=sasrec")  # whose encoder ends with a norm, and so in float32
    assert seen == {dtype}


def small_run(tmp_path, *overrides):
    small = ("data.n_users=64", "data.n_items=30", "trainer.max_epochs=1", *overrides)
    config = OmegaConf.create(plain_values(root(*small)))
    config.paths.cache_dir = str(tmp_path / "stores")
    run(config, tmp_path / "run", choices={"model": "a", "data": "b"}, overrides=[])
    return RunFolder(tmp_path / "run")
