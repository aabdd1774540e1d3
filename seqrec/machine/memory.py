"""Measure the peak memory of a training in this process."""

import contextlib
from pathlib import Path

import torch

from seqrec.machine import process
from seqrec.machine.hardware import Hardware

RESET = Path("/proc/self/clear_refs")


def reset_peak(hardware: Hardware) -> None:
    """Reset the peak, so that earlier work, such as other jobs of a sweep, doesn't count."""
    if hardware.kind == "cuda":
        torch.cuda.reset_peak_memory_stats()
    elif RESET.exists():
        with contextlib.suppress(OSError):  # forbidden in some containers: no reset
            RESET.write_text("5")


def peak_mb(hardware: Hardware) -> float:
    """Return the peak in MiB: of tensors on a CUDA device, else of resident memory."""
    if hardware.kind == "cuda":
        return torch.cuda.max_memory_allocated() / 2**20
    return process.peak_mb()
