"""The clock of every measured process, this project's and its peers'.

Standard library only: the scripts that run the peers use the very same code in their own
environments.
"""

import time
from typing import Any


class EpochClock:
    """Seconds of each training epoch, as a part of either Lightning's ``Callback``.

    An epoch lasts from its start to the start of the next one, the last one to the end of the
    training. So everything that comes back with every epoch counts once: making batches, steps,
    hooks, checkpoints. Validation would count too; measured trainings have none.
    """

    def __init__(self) -> None:
        self.marks: list[float] = []

    def on_train_epoch_start(self, *ignored: Any) -> None:
        """An epoch begins."""
        self.marks.append(time.perf_counter())

    def on_train_end(self, *ignored: Any) -> None:
        """The last epoch is over."""
        self.marks.append(time.perf_counter())

    def seconds(self) -> list[float]:
        """Of every epoch, in order; the first one warms up."""
        return [end - begin for begin, end in zip(self.marks, self.marks[1:], strict=False)]


def fastest(call: Any, times: int = 2) -> float:
    """Seconds of the fastest of some calls: the first may warm up."""
    seconds = []
    for _ in range(times):
        begin = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - begin)
    return min(seconds)
