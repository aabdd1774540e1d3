"""Which of the processes that share a run this is, and what it took. Standard library only."""

import os
import re
import sys
from pathlib import Path

RANKS = ("RANK", "LOCAL_RANK", "SLURM_PROCID")  # of torchrun, of Lightning, of srun; the first wins


def rank() -> int:
    """The number of this process among those of its run, as far as the environment tells."""
    return int(next((os.environ[name] for name in RANKS if name in os.environ), 0))


def peak_mb() -> float:
    """Most memory that this process had resident so far, in MiB.

    ``VmHWM`` where there is one: Linux lets a process inherit the ``ru_maxrss`` of its parent.
    """
    status = Path("/proc/self/status")
    if status.exists():
        return int(re.findall(r"VmHWM:\s*(\d+)", status.read_text())[0]) / 1024
    import resource  # not on Windows

    unit = 2**20 if sys.platform == "darwin" else 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


def is_first_process() -> bool:
    """Whether this process speaks, writes and decides for a run that many may share."""
    return rank() == 0
