"""The moving average of the weights: what is validated, saved and served in place of the latest."""

from typing import Any

import pytorch_lightning as lightning
import torch
from pytorch_lightning.callbacks import Callback
from pytorch_lightning.strategies import DDPStrategy, SingleDeviceStrategy
from torch import Tensor, nn

from seqrec.errors import ConfigError


class MovingAverage(Callback):
    """Exponential moving average of all trained weights (Polyak and Juditsky 1992).

    After step n the average moves ``1 - min(decay, (1 + n) / (10 + n))`` of the way to the weights:
    first steps, which are far from where training goes, are soon forgotten. Training itself goes on
    with the weights. Checkpoints hold the average as the model, and beside it what training goes on
    with.

    Has to come before callbacks that save checkpoints.

    Args:
        decay: what stays of the average at a step, 0 to less than 1.

    Raises:
        ConfigError: the weights are in pieces on several devices.
    """

    def __init__(self, decay: float) -> None:
        self.decay, self.steps = decay, 0
        self.average: dict[nn.Parameter, Tensor] = {}
        self.resumed: list[Tensor] | None = None

    def on_fit_start(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        """Begin with the weights as they are, or where a checkpoint stopped."""
        if not isinstance(trainer.strategy, SingleDeviceStrategy | DDPStrategy):
            raise ConfigError(
                f"trainer.ema={self.decay} needs all weights on every device",
                where="trainer.strategy",
                todo="trainer.ema=0, or trainer=auto or trainer=ddp",
            )
        self.average = {p: p.detach().clone() for p in module.parameters() if p.requires_grad}
        if self.resumed is not None:
            with torch.no_grad():
                for weight, saved in zip(self.average, self.resumed, strict=True):
                    weight.copy_(saved)
            self.resumed = None

    @torch.no_grad()
    def on_train_batch_end(
        self,
        trainer: lightning.Trainer,
        module: lightning.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        """Move the average towards the weights."""
        self.steps += 1
        kept = min(self.decay, (1 + self.steps) / (10 + self.steps))
        torch._foreach_lerp_([*self.average.values()], [*self.average], 1 - kept)

    def on_validation_start(
        self, trainer: lightning.Trainer, module: lightning.LightningModule
    ) -> None:
        """Validate the average."""
        self._swap()

    def on_validation_end(
        self, trainer: lightning.Trainer, module: lightning.LightningModule
    ) -> None:
        """Go on with the weights."""
        self._swap()

    def on_fit_end(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        """What is validated from now on comes from a checkpoint."""
        self.average = {}

    def on_save_checkpoint(
        self,
        trainer: lightning.Trainer,
        module: lightning.LightningModule,
        checkpoint: dict[str, Any],
    ) -> None:
        """Save the average as the model."""
        for name, parameter in module.named_parameters(remove_duplicate=False):
            if parameter in self.average:
                checkpoint["state_dict"][name] = self.average[parameter]

    def state_dict(self) -> dict[str, Any]:
        """What training goes on with."""
        return {"steps": self.steps, "trained": [weight.detach() for weight in self.average]}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Remember it until the weights are where they are trained."""
        self.steps, self.resumed = state_dict["steps"], state_dict["trained"]

    @torch.no_grad()
    def _swap(self) -> None:
        for weight, average in self.average.items():
            kept = weight.clone()
            weight.copy_(average)
            average.copy_(kept)
