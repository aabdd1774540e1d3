"""The most memory that a training had, as this process sees it."""

import contextlib
import re
import sys
from pathlib import Path

import torch

from seqrec.experiment.hardware import Hardware

STATUS, RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")


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
    if STATUS.exists():
        return int(re.findall(r"VmHWM:\s*(\d+)", STATUS.read_text())[0]) / 1024
    import resource  # not on Windows

    unit = 2**20 if sys.platform == "darwin" else 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit
