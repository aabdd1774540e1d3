"""A constant learning rate."""

from typing import Any

from torch.optim import Optimizer


class Constant:
    """Leave the optimizer's learning rate as it is."""

    def __call__(self, optimizer: Optimizer, *, total_steps: int, monitor: str, mode: str) -> Any:
        """Return None: there is nothing to schedule."""
        return None
