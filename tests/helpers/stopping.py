"""An augmentation that changes nothing and stops the run that asks it."""

import os
import signal


class Stopping:
    """A signal (``STOP_WITH``, by default SIGTERM) in the step ``STOP_AT``, counted from 1."""

    def __init__(self) -> None:
        self.steps = 0

    def __call__(self, batch, generator):
        self.steps += 1
        if self.steps == int(os.environ.get("STOP_AT", "0")):
            os.kill(os.getpid(), int(os.environ.get("STOP_WITH", signal.SIGTERM)))
        return batch
