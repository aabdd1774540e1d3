"""The rank and the peak memory of this process; uses the standard library only."""

import os
import re
import sys
from pathlib import Path

RANKS = ("RANK", "LOCAL_RANK", "SLURM_PROCID")  # torchrun, Lightning, srun; the first set counts


def rank() -> int:
    """Return the rank of this process in its run, from the environment; 0 if it isn't set."""
    return int(next((os.environ[name] for name in RANKS if name in os.environ), 0))


def peak_mb() -> float:
    """Return the peak resident memory of this process in MiB.

    It is ``VmHWM`` on Linux, where a process inherits the ``ru_maxrss`` of its parent.
    """
    status = Path("/proc/self/status")
    if status.exists():
        return int(re.findall(r"VmHWM:\s*(\d+)", status.read_text())[0]) / 1024
    import resource  # not on Windows

    unit = 2**20 if sys.platform == "darwin" else 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


def is_first_process() -> bool:
    """Return whether this process prints and writes for all processes of its run."""
    return rank() == 0
