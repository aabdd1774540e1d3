"""The progress bar, and one line per epoch."""

import time
from typing import Any

import pytorch_lightning as lightning
from pytorch_lightning.callbacks import Callback
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from seqrec.training.module import TrainedModule


class EpochLines(Callback):
    """Print loss, metric and seconds after each epoch; in a terminal, show a bar meanwhile.

    Args:
        out: console to write to.
        bar: show the bar if `out` is a terminal.
    """

    def __init__(self, out: Console, *, bar: bool) -> None:
        self.out = out
        self.progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("batches"),
            TimeRemainingColumn(),
            console=out,
            transient=True,
            disable=not bar or not out.is_terminal or out.quiet,
        )
        self.best: float | None = None

    def on_train_start(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        """Open the bar."""
        self.task = self.progress.add_task("epoch")
        self.progress.start()

    def on_train_epoch_start(
        self, trainer: lightning.Trainer, module: lightning.LightningModule
    ) -> None:
        """Reset the bar."""
        self.clock = time.perf_counter()
        name = f"epoch {trainer.current_epoch + 1} of at most {trainer.max_epochs}"
        self.progress.reset(self.task, total=trainer.num_training_batches, description=name)

    def on_train_batch_end(
        self, trainer: lightning.Trainer, module: lightning.LightningModule, *ignored: Any
    ) -> None:
        """Advance the bar."""
        self.progress.advance(self.task)

    def on_train_epoch_end(
        self, trainer: lightning.Trainer, module: lightning.LightningModule
    ) -> None:
        """Print the line."""
        assert isinstance(module, TrainedModule)
        loss = float(module.train_loss.compute())
        line = f"epoch {trainer.current_epoch + 1:>4}   loss {loss:8.4f}"
        if module.monitor in trainer.callback_metrics and module.validated == trainer.current_epoch:
            value = float(trainer.callback_metrics[module.monitor])
            better = self.best is None or (
                value < self.best if module.mode == "min" else value > self.best
            )
            self.best = value if better else self.best
            line += f"   {module.monitor} {value:.4f}{' *' if better else '  '}"
        self.out.print(f"{line}   {time.perf_counter() - self.clock:6.1f} s")

    def on_train_end(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        """Close the bar."""
        self.progress.stop()

    def on_exception(
        self,
        trainer: lightning.Trainer,
        module: lightning.LightningModule,
        exception: BaseException,
    ) -> None:
        """Restore the terminal."""
        self.progress.stop()

    def state_dict(self) -> dict[str, Any]:
        """Return the best value so far, for a resumed run."""
        return {"best": self.best}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore the best value."""
        self.best = state_dict["best"]
