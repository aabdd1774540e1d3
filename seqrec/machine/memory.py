"""The most memory that a training had, as this process sees it."""

import contextlib
from pathlib import Path

import torch

from seqrec.machine import process
from seqrec.machine.hardware import Hardware

RESET = Path("/proc/self/clear_refs")


def reset_peak(hardware: Hardware) -> None:
    """Begin to watch: what came before, such as the jobs of a sweep, no longer counts."""
    if hardware.kind == "cuda":
        torch.cuda.reset_peak_memory_stats()
    elif RESET.exists():
        with contextlib.suppress(OSError):  # some containers forbid it: then the process's peak
            RESET.write_text("5")


def peak_mb(hardware: Hardware) -> float:
    """MiB at the peak: of tensors on a CUDA device, else of all that the process had resident."""
    if hardware.kind == "cuda":
        return torch.cuda.max_memory_allocated() / 2**20
    return process.peak_mb()
