"""Choose the number of CPU threads of a run: fewer where other programs use the cores."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import torch

from seqrec.errors import SeqrecError
from seqrec.machine.hardware import Hardware
from seqrec.run.checkpoints import checkpoints_of
from seqrec.run.folder import RunFolder
from seqrec.training.module import TrainedModule
from seqrec.training.plan import trial_step

STEPS, SECONDS = 8, 0.25  # a number of threads is timed for so many steps, or so long
BETTER = 0.8  # share of the time that fewer threads have to take


@contextmanager
def threads_restored() -> Iterator[None]:
    """Leave the number of threads as it was, for the next job of a sweep."""
    threads = torch.get_num_threads()
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def use_threads(threads: int) -> None:
    """Use as many threads as an earlier run: they decide the order of sums. None are chosen."""
    torch.set_num_threads(threads)
    os.environ["OMP_NUM_THREADS"] = str(threads)


def continue_threads(folder: RunFolder) -> bool:
    """Use as many threads as the part of a run that is resumed; return whether there is one."""
    if not checkpoints_of(folder.path):
        return False
    with suppress(SeqrecError, KeyError):
        threads = folder.about()["environment"]["threads"]
        torch.set_num_threads(max(1, min(threads, os.cpu_count() or 1)))
    return True


def choose_threads(module: TrainedModule, hardware: Hardware) -> bool:
    """Use fewer threads if training steps are faster with them; return whether they are.

    All threads wait for the slowest, which is the one that shares its core with another program.
    Half of the threads are tried, then half of these, while that is a fifth faster. Nothing is
    tried if the user chose the number (``OMP_NUM_THREADS``), if runs must leave the same bits
    (``trainer.deterministic``), in one of several processes, or on a GPU.
    """
    settings, most = module.config.trainer, torch.get_num_threads()
    fixed = "OMP_NUM_THREADS" in os.environ or settings.deterministic
    several = settings.devices not in (1, "1", "auto") or settings.num_nodes > 1
    if fixed or several or hardware.kind != "cpu" or most == 1:
        return False
    threads, seconds = most, _seconds(module, hardware)
    while threads > 1:
        torch.set_num_threads(threads // 2)
        fewer = _seconds(module, hardware)
        if fewer > BETTER * seconds:
            break
        threads, seconds = threads // 2, fewer
    torch.set_num_threads(threads)
    return threads < most


def _seconds(module: TrainedModule, hardware: Hardware) -> float:
    """Return the mean seconds of a training step on part of a batch, after one that warms up."""
    with trial_step(module, hardware) as step:
        step()
        began = time.perf_counter()
        taken, spent = 0, 0.0
        while taken < STEPS and spent < SECONDS:
            step()
            taken, spent = taken + 1, time.perf_counter() - began
    return spent / taken
