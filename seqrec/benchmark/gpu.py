"""A GPU's card: precisions, kernels and compiling side by side, and the share of its peak."""

import tempfile
from collections.abc import Sequence
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from seqrec.benchmark.child import in_child
from seqrec.benchmark.meter import fastest
from seqrec.benchmark.report import Line
from seqrec.benchmark.setup import assembled, composed
from seqrec.errors import ConfigError, RunError
from seqrec.experiment.python import train
from seqrec.layers.liger_cross_entropy import installed
from seqrec.run.folder import RunFolder

WIDTH = 8192  # of the square matrices whose product measures the peak
TRAINER = "trainer.accelerator=cuda"
PLAIN = ("trainer.precision=bf16", "loss.kernel=torch")
VARIANTS = {  # by name: overrides of train.py
    "bf16": PLAIN,
    "fp16": ("trainer.precision=fp16", "loss.kernel=torch"),
    "fp32": ("trainer.precision=fp32", "loss.kernel=torch"),
    "bf16, Liger's kernel": ("trainer.precision=bf16", "loss.kernel=liger"),
    "bf16, compiled": (*PLAIN, "trainer.compile=true"),
}


def measure_gpu(overrides: Sequence[str], *, epochs: int, threads: int) -> dict[str, Any]:
    """Train in every precision, with each kernel, plain and compiled, one after the other.

    Args:
        overrides: overrides of ``train.py``: model and data.
        epochs: measured epochs of each, after one that warms up.
        threads: of every process.

    Returns:
        ``card``; ``peak`` and ``flops``, see :func:`measure_peak` and :func:`count_flops`;
        ``variants``: what ``training:measure`` returns, by name; ``failed``: why others have none;
        ``recipe``: see :func:`train_recipe`.

    Raises:
        ConfigError: there is no CUDA GPU.
    """
    if not torch.cuda.is_available():
        raise ConfigError(
            "parts=gpu needs a CUDA GPU, and torch finds none",
            where=f"torch {torch.__version__}",
            todo="run it on a machine with one: make gpu",
        )
    given = [*overrides, TRAINER]
    result: dict[str, Any] = {"card": torch.cuda.get_device_name(), "variants": {}, "failed": {}}
    result["data"] = in_child("setup:describe_data", overrides=given, threads=threads)
    result["peak"] = in_child("gpu:measure_peak", threads=threads)
    result["flops"] = in_child("gpu:count_flops", overrides=[*given, *PLAIN], threads=threads)
    for name, variant in VARIANTS.items():
        if "loss.kernel=liger" in variant and not installed():
            result["failed"][name] = "liger-kernel isn't installed: pip install 'seqrec[cuda]'"
            continue
        try:
            result["variants"][name] = in_child(
                "training:measure", overrides=[*given, *variant], epochs=epochs, threads=threads
            )
        except RunError as error:
            result["failed"][name] = str(error)
    result["recipe"] = in_child("gpu:train_recipe", overrides=given, threads=threads)
    return result


def train_recipe(overrides: list[str]) -> dict[str, float]:
    """Train as ``train.py`` does, to the end; return its seconds and its NDCG@10 on the test."""
    with tempfile.TemporaryDirectory() as folder:
        run = train(*overrides, "logger=none", f"paths.output_dir={folder}")
        found = RunFolder(run.path).read_json("metrics.json")
    return {"fit_seconds": found["fit_seconds"], "ndcg@10": found["test/ndcg@10"]}


def measure_peak(device: str = "cuda", width: int = WIDTH) -> dict[str, float]:
    """Return the operations per second that a product of square matrices reaches, by precision."""
    kinds = {"bf16": torch.bfloat16, "fp16": torch.float16, "fp32": torch.float32}
    return {name: 2 * width**3 / _seconds(device, width, kind) for name, kind in kinds.items()}


def _seconds(device: str, width: int, kind: torch.dtype) -> float:
    left, right = (torch.randn(width, width, device=device, dtype=kind) for _ in range(2))

    def multiply() -> None:
        left @ right
        if device == "cuda":
            torch.cuda.synchronize()

    return min(fastest(multiply) for _ in range(3))


def count_flops(overrides: list[str]) -> int:
    """Return the operations of an epoch's products, forward and backward.

    They are counted in one step of the middle batch, and scaled by positions. What recurrent layers
    do within a kernel of cuDNN isn't seen, so the share of the peak is right for attention only.
    """
    module = assembled(composed(overrides))
    epoch = module.epoch_batches(0)
    rows = epoch.batches[len(epoch) // 2]
    with FlopCounterMode(display=False) as counter:
        loss, targets, _ = module.learn(epoch.batch(rows))
        loss.backward()
    return int(counter.get_total_flops() * epoch.n_targets / targets)


def gpu_lines(result: dict[str, Any]) -> list[Line]:
    """Return speed, memory and share of the peak of every variant."""
    lines = []
    for name, measured in result["variants"].items():
        reached = result["flops"] / measured["epoch_s"] / result["peak"][name.partition(",")[0]]
        lines += [
            Line("gpu", f"{name}: target positions/s", measured["targets_per_s"]),
            Line("gpu", f"{name}: peak GPU memory, MiB", measured["gpu_peak_mb"]),
            Line("gpu", f"{name}: share of the card's peak", reached),
        ]
    recipe = result["recipe"]
    lines.append(Line("gpu", "a whole run: s of training", recipe["fit_seconds"]))
    return [*lines, Line("gpu", "a whole run: NDCG@10 on the test", recipe["ndcg@10"])]


def paragraph(result: dict[str, Any], model: str) -> str:
    """Return what `docs/benchmarks.md` says of a card."""
    data, variants = result["data"], result["variants"]
    plain = variants.get("bf16", {}).get("epoch_s")
    told = []
    for name, measured in variants.items():
        beside = plain and name != "bf16"
        ratio = f", {plain / measured['epoch_s']:.2f} times bf16" if beside else ""
        speed = f"{measured['targets_per_s']:,.0f} target positions/s{ratio}"
        memory = f"{measured['gpu_peak_mb']:,.0f} MiB"
        told.append(f"- {name}: {speed}, {memory} at the peak.")
    told += [f"- {name}: not measured ({why})." for name, why in result["failed"].items()]
    whole = result["recipe"]
    told.append(
        f"- A whole run: {whole['fit_seconds']:.0f} s of training, NDCG@10 {whole['ndcg@10']:.4f}."
    )
    first = f"`{model}` on {data['name']} (`{data['data_hash']}`) on one {result['card']}:"
    return "\n".join([first, "", *told, ""])
