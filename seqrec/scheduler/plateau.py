"""A learning rate that is lowered when validation stops improving."""

from typing import Any, Literal

from torch.optim import Optimizer
from torch.optim.lr_scheduler import ReduceLROnPlateau


class Plateau:
    """Multiply the learning rate by `factor` after `patience` validations without improvement.

    Args:
        factor: multiplier of the learning rate at each reduction.
        patience: validations to wait.
    """

    def __init__(self, *, factor: float = 0.5, patience: int = 3) -> None:
        self.factor, self.patience = factor, patience

    def __call__(
        self, optimizer: Optimizer, *, total_steps: int, monitor: str, mode: Literal["min", "max"]
    ) -> Any:
        """Return Lightning's description of the schedule."""
        plateau = ReduceLROnPlateau(
            optimizer,
            mode=mode,
            factor=self.factor,
            patience=self.patience,
        )
        return {"scheduler": plateau, "interval": "epoch", "monitor": monitor, "strict": False}
