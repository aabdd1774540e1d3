"""Linear warm-up, then cosine decay (Loshchilov and Hutter 2017)."""

import math
from functools import partial
from typing import Any

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR


class Cosine:
    """Update the learning rate at every step.

    Args:
        warmup: share of all steps over which the rate rises from 0.
        floor: final learning rate as a share of the initial one.
    """

    def __init__(self, *, warmup: float = 0.05, floor: float = 0.0) -> None:
        if not 0 <= warmup < 1 or not 0 <= floor <= 1:
            raise ValueError(
                f"scheduler.warmup={warmup} must be in 0 <= . < 1, floor={floor} between 0 and 1"
            )
        self.warmup, self.floor = warmup, floor

    def __call__(self, optimizer: Optimizer, *, total_steps: int, monitor: str, mode: str) -> Any:
        """Return Lightning's description of the schedule."""
        rate = partial(_rate, total=total_steps, warmup=self.warmup, floor=self.floor)
        return {"scheduler": LambdaLR(optimizer, rate), "interval": "step"}


def _rate(step: int, *, total: int, warmup: float, floor: float) -> float:
    rise = warmup * total
    if step < rise:
        return (step + 1) / (rise + 1)
    done = min(1.0, (step - rise) / max(1.0, total - rise))
    return floor + (1 - floor) * 0.5 * (1 + math.cos(math.pi * done))
