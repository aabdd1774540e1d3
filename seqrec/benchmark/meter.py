"""The clock of every measured process, of this project and its peers.

It uses only the standard library, as the peers' scripts use the same code in their environments.
"""

import time
from typing import Any


class EpochClock:
    """A clock of training epochs, to mix into the ``Callback`` of either Lightning package.

    An epoch lasts from its start to the start of the next, the last one to the end of training. So
    everything that recurs with each epoch counts once: making batches, steps, hooks, checkpoints.
    Validation would count too; measured trainings have none.
    """

    def __init__(self) -> None:
        self.marks: list[float] = []

    def on_train_epoch_start(self, *ignored: Any) -> None:
        """Mark the start of an epoch."""
        self.marks.append(time.perf_counter())

    def on_train_end(self, *ignored: Any) -> None:
        """Mark the end of the last epoch."""
        self.marks.append(time.perf_counter())

    def seconds(self) -> list[float]:
        """Return the seconds of every epoch, in order; the first one warms up."""
        return [end - begin for begin, end in zip(self.marks, self.marks[1:], strict=False)]


def fastest(call: Any, times: int = 2) -> float:
    """Return the seconds of the fastest of some calls: the first may warm up."""
    seconds = []
    for _ in range(times):
        begin = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - begin)
    return min(seconds)
