"""The moving average of the weights: what is validated, saved and served in place of the latest."""

from typing import Any

import pytorch_lightning as lightning
import torch
from pytorch_lightning.callbacks import WeightAveraging
from pytorch_lightning.strategies import DDPStrategy, SingleDeviceStrategy
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from seqrec.errors import ConfigError


class MovingAverage(WeightAveraging):
    """Exponential moving average of all trained weights (Polyak and Juditsky 1992).

    After step n the average moves ``1 - min(decay, (1 + n) / (10 + n))`` of the way to the weights,
    so the first steps, which are far from where training goes, are soon forgotten. Training itself
    goes on with the weights. Checkpoints hold the average as the model, and the weights beside it
    as ``current_model_state``.

    Must come before callbacks that save checkpoints.

    Args:
        decay: what stays of the average at a step, 0 to less than 1.

    Raises:
        ConfigError: the weights are in pieces on several devices.
    """

    def __init__(self, decay: float) -> None:
        def step(averages: list[Tensor], weights: list[Tensor], done: Tensor | int) -> None:
            kept = min(decay, (1 + int(done)) / (10 + int(done)))
            torch._foreach_lerp_(averages, weights, 1 - kept)

        super().__init__(use_buffers=False, multi_avg_fn=step)
        self.decay = decay

    def setup(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule, stage: str
    ) -> None:
        """Begin with the weights as they are, on the device that trains them."""
        if not isinstance(trainer.strategy, SingleDeviceStrategy | DDPStrategy):
            raise ConfigError(
                f"trainer.ema={self.decay} needs all weights on every device",
                where="trainer.strategy",
                todo="trainer.ema=0, or trainer=auto or trainer=ddp",
            )
        if stage == "fit":  # the weights alone: a copy of the module would copy its data, too
            weights = nn.ModuleDict(dict(pl_module.named_children()))
            device: Any = trainer.strategy.root_device
            self._average_model = AveragedModel(weights, device, use_buffers=False, **self._kwargs)
            # kept on the CPU, where reading it waits for no GPU; not 0, for which torch would
            # take the weights after the first step as the average
            self._average_model.n_averaged = torch.tensor(1)

    def on_train_end(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule
    ) -> None:
        """Leave the weights where training left them: what is tested comes from a checkpoint."""

    def on_fit_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        """Free the average; what is validated from now on comes from a checkpoint."""
        self._average_model = None
