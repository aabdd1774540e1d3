"""Choose the device and the precision of a run."""

import os
from dataclasses import dataclass

import torch

from seqrec.errors import ConfigError

ACCELERATORS = {  # devices of each accelerator, the best first
    "auto": ("cuda", "mps", "cpu"),
    "gpu": ("cuda", "mps"),
    "cuda": ("cuda",),
    "mps": ("mps",),
    "cpu": ("cpu",),
}
# oneDNN makes a kernel for every shape of a bf16 product on a CPU and caches 1,024 of them; torch
# caches 1,024, too. Batches differ in shape, so that takes GBs; shapes repeat only within a step.
KERNELS = {"ONEDNN_PRIMITIVE_CACHE_CAPACITY": "32", "LRU_CACHE_CAPACITY": "16"}
PRECISIONS = {"fp32": "32-true", "bf16": "bf16-mixed", "fp16": "16-mixed"}


@dataclass(frozen=True)
class Hardware:
    """The device and precision of a run."""

    device: str  # to print: "cpu, threads: 2", "NVIDIA H100"
    kind: str  # cuda | mps | cpu
    precision: str  # fp32 | bf16 | fp16
    reason: str  # why this precision

    @property
    def lightning_precision(self) -> str:
        """Lightning's name for the precision."""
        return PRECISIONS[self.precision]


def find_hardware(accelerator: str, precision: str) -> Hardware:
    """Resolve ``auto`` for device and precision.

    bf16 is picked only where the hardware multiplies it: CUDA from compute capability 8.0, CPUs
    with AVX512-BF16 or AMX. Elsewhere on CPUs it is emulated, hundreds of times slower than fp32.
    It also limits the kernels that are cached on a CPU, unless the environment sets a limit.

    Args:
        accelerator: ``auto``, ``cpu``, ``gpu``, ``cuda`` or ``mps``.
        precision: ``auto``, ``fp32``, ``bf16`` or ``fp16``.

    Raises:
        ConfigError: accelerator or precision is unknown or not available.
    """
    kind = _kind(accelerator)
    for name, limit in KERNELS.items():  # read at the first product
        os.environ.setdefault(name, limit)
    device = {
        "cuda": lambda: torch.cuda.get_device_name(),
        "mps": lambda: "Apple GPU",
        "cpu": lambda: f"cpu, threads: {torch.get_num_threads()}",
    }[kind]()
    best, reason = _best_precision(kind)
    if precision == "auto":
        return Hardware(device, kind, best, reason)
    if precision not in PRECISIONS:
        raise ConfigError(
            f"precision={precision} is unknown", todo="choose auto, fp32, bf16 or fp16"
        )
    if kind == "cpu" and precision != "fp32" and precision != best:
        raise ConfigError(
            f"precision={precision} isn't available: {reason}, and torch would emulate it"
            " hundreds of times slower than fp32",
            todo="use precision auto, which picks the best for the device",
        )
    return Hardware(device, kind, precision, "as configured")


def _kind(accelerator: str) -> str:
    if accelerator not in ACCELERATORS:
        raise ConfigError(
            f"accelerator={accelerator} is unknown", todo=f"choose {', '.join(ACCELERATORS)}"
        )
    available = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    for kind in ACCELERATORS[accelerator]:
        if available[kind]:
            return kind
    raise ConfigError(
        f"accelerator={accelerator} needs a GPU, and torch finds none",
        where=f"torch {torch.__version__}",
        todo="choose cpu or auto, or install a torch that is built for your GPU",
    )


def _best_precision(kind: str) -> tuple[str, str]:
    if kind == "cuda":
        capability = torch.cuda.get_device_capability()
        if capability >= (8, 0):
            return "bf16", "the GPU has bf16 tensor cores"
        return "fp16", f"the GPU has compute capability {capability[0]}.{capability[1]}"
    if kind == "cpu":
        features = torch.cpu.get_capabilities()
        if features.get("avx512_bf16") or features.get("amx_bf16") or features.get("amx_tile"):
            return "bf16", "the CPU has bf16 instructions"
        return "fp32", "the CPU has no bf16 instructions"
    return "fp32", "mixed precision doesn't pay on this device"
