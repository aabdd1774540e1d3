"""The processes of a run that share a store: started together, and asked for what each has."""

from typing import Any, TypeVar

import numpy as np
import torch
import torch.distributed as dist

from seqrec.config.schema import Trainer
from seqrec.training.trainer import lightning_trainer

T = TypeVar("T")


class Together:
    """All processes of a run; see :class:`~seqrec.store.peers.Peers`."""

    def __init__(self) -> None:
        self.rank, self.world = dist.get_rank(), dist.get_world_size()
        self._group = dist.new_group(backend="gloo")  # what is asked lies in the host's memory

    def gather(self, value: T) -> list[T]:
        """See :class:`~seqrec.store.peers.Peers`."""
        parts: list[Any] = [None] * self.world
        dist.all_gather_object(parts, value, group=self._group)
        return parts

    def add(self, number: np.ndarray) -> np.ndarray:
        """See :class:`~seqrec.store.peers.Peers`."""
        total = torch.from_numpy(np.array(number))
        dist.all_reduce(total, group=self._group)
        return total.numpy()


def processes_of(settings: Trainer) -> int:
    """Return how many processes a run has, on all machines."""
    return lightning_trainer(settings, logger=False, enable_checkpointing=False).world_size


def meet(settings: Trainer) -> Together:
    """Connect the processes of a run; Lightning starts the others now, if no launcher did."""
    strategy = lightning_trainer(settings, logger=False, enable_checkpointing=False).strategy
    assert strategy.launcher is not None, "there are several"
    strategy.launcher.launch(strategy.setup_environment)
    return Together()
