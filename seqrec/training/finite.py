"""Stop a training whose loss or weights are no longer finite numbers."""

from typing import Any

import pytorch_lightning as lightning
import torch
from pytorch_lightning.callbacks import Callback
from torch import Tensor

from seqrec.errors import RunError
from seqrec.training.module import TrainedModule

NEVER = torch.iinfo(torch.int64).max


class FiniteLoss(Callback):
    """Raise an error that names the first step whose loss was infinite or NaN.

    The step is noted on the device and read where losses are logged and after the last batch of an
    epoch, so that no other step waits for a GPU. After the last batch, and before a checkpoint in
    the middle of an epoch, the weights are checked, too, before anything is validated or saved:
    checkpoints keep the last good state.

    Raises:
        RunError: the loss or a weight is infinite or NaN, in any process.
    """

    first: Tensor  # the first step of the epoch with such a loss, and with such weights

    def on_train_epoch_start(
        self, trainer: lightning.Trainer, module: lightning.LightningModule
    ) -> None:
        """Forget the steps of the epoch before."""
        self.first = torch.full((2,), NEVER, device=module.device)

    def on_train_batch_end(
        self,
        trainer: lightning.Trainer,
        module: lightning.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        """Note a loss that isn't finite; stop where steps are read."""
        assert isinstance(module, TrainedModule)
        loss = outputs["loss"].detach()
        self._note(0, loss.isfinite(), batch_idx)
        if trainer.is_last_batch:
            self.check(trainer, module, batch_idx)
        elif (batch_idx + 1) % trainer.log_every_n_steps == 0:  # type: ignore[attr-defined]
            self._read(trainer, module)

    def check(self, trainer: lightning.Trainer, module: TrainedModule, step: int) -> None:
        """Look at the weights, and stop if they or a loss weren't finite: call it before saving."""
        kept = [weight.detach().isfinite().all() for weight in module.parameters()]
        self._note(1, torch.stack(kept).all(), step)
        self._read(trainer, module)

    def _read(self, trainer: lightning.Trainer, module: TrainedModule) -> None:
        steps = trainer.strategy.reduce(self.first, reduce_op="min").tolist()
        for which, step in zip(("loss", "weights"), steps, strict=True):
            if step < NEVER:
                raise _diverged(trainer, module, which, step)

    def _note(self, which: int, finite: Tensor, step: int) -> None:
        """Keep `step` as the first one, unless it is finite or an earlier one isn't."""
        self.first[which] = torch.where(
            finite, self.first[which], self.first[which].clamp(max=step)
        )


def _diverged(trainer: lightning.Trainer, module: TrainedModule, which: str, step: int) -> RunError:
    done, rate = trainer.current_epoch, trainer.optimizers[0].param_groups[0]["lr"]
    others = ["trainer.gradient_clip=1"] if module.config.trainer.gradient_clip is None else []
    if trainer.precision != "32-true":
        others.append("trainer.precision=fp32")
    return RunError(
        f"the {which} became infinite or NaN: most likely the steps are too large"
        + (f" (the checkpoints are as of epoch {done})" if done else ""),
        where=f"epoch {done + 1}, step {step + 1} of {trainer.num_training_batches}",
        todo=" or ".join(
            [f"lower optimizer.lr (it is {rate:g})", *(f"set {key}" for key in others)]
        ),
    )
