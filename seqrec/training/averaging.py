"""Moving average of the weights, validated, saved and served instead of the latest weights."""

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
    so the first steps, which are far from the final weights, are soon forgotten. Training continues
    from the weights themselves. Checkpoints hold the average as the model, and the weights as
    ``current_model_state``.

    It must come before callbacks that save checkpoints.

    Args:
        decay: share of the average that is kept at each step, from 0 to less than 1.

    Raises:
        ConfigError: the weights are sharded over several devices.
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
        """Start from the current weights, on the device that trains them."""
        if not isinstance(trainer.strategy, SingleDeviceStrategy | DDPStrategy):
            raise ConfigError(
                f"trainer.ema={self.decay} needs all weights on every device",
                where="trainer.strategy",
                todo="use trainer.ema=0, trainer=auto or trainer=ddp",
            )
        if stage == "fit":  # weights only: a copy of the module would also copy its data
            weights = nn.ModuleDict(dict(pl_module.named_children()))
            device: Any = trainer.strategy.root_device
            self._average_model = AveragedModel(weights, device, use_buffers=False, **self._kwargs)
            # on the CPU, where reading it doesn't wait for a GPU; not 0, at which torch would
            # replace the average with the weights after the first step
            self._average_model.n_averaged = torch.tensor(1)

    def on_train_end(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule
    ) -> None:
        """Keep the latest weights: tests use the weights of a checkpoint."""

    def on_fit_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        """Free the average: later validation uses the weights of a checkpoint."""
        self._average_model = None
