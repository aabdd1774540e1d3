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

    With `keep` it is instead, after every step, the mean of the weights that the training began
    with, which have that share, and of the latest (Wortsman et al. 2022, WiSE-FT): an update that
    stays near the model that it updates. Rows of new items, which had only a first guess, are the
    latest.

    It must come before callbacks that save checkpoints.

    Args:
        decay: share of the average that is kept at each step, from 0 to less than 1.
        keep: share of the first weights, from 0 to 1; None: a moving average.

    Raises:
        ConfigError: the weights are sharded over several devices.
    """

    def __init__(self, decay: float = 0.0, *, keep: float | None = None) -> None:
        def step(averages: list[Tensor], weights: list[Tensor], done: Tensor | int) -> None:
            kept = min(decay, (1 + int(done)) / (10 + int(done)))
            torch._foreach_lerp_(averages, weights, 1 - kept)

        def between(averages: list[Tensor], weights: list[Tensor], done: Tensor | int) -> None:
            for average, weight, (first, share) in zip(averages, weights, self.first, strict=True):
                average.copy_(torch.lerp(weight, first, share))

        super().__init__(use_buffers=False, multi_avg_fn=step if keep is None else between)
        self.key = f"trainer.ema={decay}" if keep is None else f"keep={keep}"
        self.keep = keep
        self.first: list[tuple[Tensor, Tensor]] = []  # weights, and the share that they have

    def setup(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule, stage: str
    ) -> None:
        """Start from the current weights, on the device that trains them."""
        if not isinstance(trainer.strategy, SingleDeviceStrategy | DDPStrategy):
            raise ConfigError(
                f"{self.key} needs all weights on every device",
                where="trainer.strategy",
                todo=f"use {self.key.partition('=')[0]}=0, trainer=auto or trainer=ddp",
            )
        if stage == "fit":  # weights only: a copy of the module would also copy its data
            weights = nn.ModuleDict(dict(pl_module.named_children()))
            device: Any = trainer.strategy.root_device
            self._average_model = AveragedModel(weights, device, use_buffers=False, **self._kwargs)
            if self.keep is not None:
                update: Any = pl_module.update
                known_V = update.known_V.to(device)
                named = self._average_model.named_parameters()
                self.first = [
                    (w.detach().clone(), self._share(name, w, known_V)) for name, w in named
                ]
            # on the CPU, where reading it doesn't wait for a GPU; not 0, at which torch would
            # replace the average with the weights after the first step
            self._average_model.n_averaged = torch.tensor(1)

    def _share(self, name: str, weight: Tensor, known_V: Tensor) -> Tensor:
        """Return the share of the first weights: none in the rows of items that are new."""
        share = torch.full((), self.keep or 0.0, dtype=weight.dtype, device=weight.device)
        if not name.rpartition("_")[2].startswith("V"):
            return share
        return (share * known_V).view(-1, *[1] * (weight.dim() - 1)).to(weight.dtype)

    def on_train_end(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule
    ) -> None:
        """Keep the latest weights: tests use the weights of a checkpoint."""

    def on_fit_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        """Free the average: later validation uses the weights of a checkpoint."""
        self._average_model, self.first = None, []
