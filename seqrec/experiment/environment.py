"""What a result depends on besides the configuration and the code."""

import hashlib
import platform
import re
import resource
import sys
from contextlib import suppress
from functools import cache
from importlib.metadata import PackageNotFoundError, distributions, version
from pathlib import Path
from typing import Any

import torch

from seqrec import __version__
from seqrec.experiment.code import PROJECT, describe_code

PACKAGES = ("torch", "pytorch-lightning", "torchmetrics", "numpy", "polars", "hydra-core", "wandb")
STATUS, CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")  # of Linux


def describe_environment() -> dict[str, Any]:
    """Versions, code and machine, as plain values."""
    return {
        "seqrec": __version__,
        "python": platform.python_version(),
        "packages": {name: _version(name) for name in PACKAGES},
        **describe_code(),
        "lock_sha256": _sha256(PROJECT / "requirements.lock"),
        "installed_sha256": _installed(),
        "platform": platform.platform(),
        "threads": torch.get_num_threads(),
    }


def forget_peak() -> None:
    """Begin to measure peak memory anew, as far as the system can: a sweep's jobs share a process.

    Not to be had on macOS, where the peak is the process's.
    """
    with suppress(OSError):
        CLEAR.write_text("5")
    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()


def peak_memory() -> dict[str, int]:
    """Most bytes that this process held at once: of memory, and of the GPU's where there is one."""
    told = re.search(r"VmHWM:\s*(\d+)", STATUS.read_text()) if STATUS.exists() else None
    if told:
        peak = int(told[1]) * 1024
    else:
        unit = 1 if sys.platform == "darwin" else 1024
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    if not torch.cuda.is_available():
        return {"peak_memory_bytes": peak}
    return {"peak_memory_bytes": peak, "peak_cuda_bytes": torch.cuda.max_memory_allocated()}


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


@cache
def _installed() -> str:
    """Hash of the names and versions of everything that is installed."""
    pins = {f"{d.metadata['Name']}=={d.version}".lower() for d in distributions()}
    return hashlib.sha256("\n".join(sorted(pins)).encode()).hexdigest()


def _sha256(path: Path) -> str | None:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else None
