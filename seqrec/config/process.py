"""Which of the processes that share a run this is."""

import os

RANKS = ("RANK", "LOCAL_RANK", "SLURM_PROCID")  # of torchrun, of Lightning, of srun; the first wins


def rank() -> int:
    """The number of this process among those of its run, as far as the environment tells."""
    return int(next((os.environ[name] for name in RANKS if name in os.environ), 0))


def is_first_process() -> bool:
    """Whether this process speaks, writes and decides for a run that many may share."""
    return rank() == 0
