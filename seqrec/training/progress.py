"""The progress bar, one line per epoch, and what the first epoch says of the plan."""

import time
from typing import Any

import pytorch_lightning as lightning
from pytorch_lightning.callbacks import Callback

from seqrec.machine.hardware import Hardware
from seqrec.machine.memory import peak_mb
from seqrec.terminal.console import Console, print_line
from seqrec.terminal.progress import progress_bar
from seqrec.training.module import TrainedModule
from seqrec.training.plan import Plan, told


class ProgressBar(Callback):
    """Show the batches of training, validation and test as a bar, in a terminal.

    Args:
        out: console to write to.
        shown: show the bar if `out` is a terminal.
    """

    def __init__(self, out: Console, *, shown: bool) -> None:
        self.progress = progress_bar(
            *("{task.description}", "bar", "counted", "batches", "remaining"),
            out=out,
            transient=True,
            disable=not shown or not out.is_terminal or out.quiet,
        )
        self.task = self.progress.add_task("")

    def on_train_epoch_start(
        self, trainer: lightning.Trainer, module: lightning.LightningModule
    ) -> None:
        """Show the epoch."""
        name = f"epoch {trainer.current_epoch + 1} of at most {trainer.max_epochs}"
        self._show(name, trainer.num_training_batches)
        self.progress.advance(self.task, trainer.train_dataloader.skipped)  # type: ignore[union-attr]

    def on_validation_start(
        self, trainer: lightning.Trainer, module: lightning.LightningModule
    ) -> None:
        """Show the validation."""
        self._show("validation", sum(trainer.num_val_batches))

    def on_test_start(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        """Show the test."""
        self._show("test", sum(trainer.num_test_batches))

    def on_train_batch_end(self, *ignored: Any) -> None:
        """Advance the bar."""
        self.progress.advance(self.task)

    def on_validation_batch_end(self, *ignored: Any) -> None:
        """Advance the bar."""
        self.progress.advance(self.task)

    def on_test_batch_end(self, *ignored: Any) -> None:
        """Advance the bar."""
        self.progress.advance(self.task)

    def on_validation_end(
        self, trainer: lightning.Trainer, module: lightning.LightningModule
    ) -> None:
        """Close the bar, unless training goes on."""
        if trainer.state.fn != "fit":
            self.progress.stop()

    def on_train_end(self, *ignored: Any) -> None:
        """Close the bar."""
        self.progress.stop()

    def on_test_end(self, *ignored: Any) -> None:
        """Close the bar."""
        self.progress.stop()

    def on_exception(self, *ignored: Any) -> None:
        """Restore the terminal."""
        self.progress.stop()

    def _show(self, name: str, total: int | float) -> None:
        self.progress.reset(self.task, total=total, description=name)
        self.progress.start()


class EpochLines(Callback):
    """Print loss, metric and seconds after each epoch.

    Args:
        out: console to write to.
    """

    def __init__(self, out: Console) -> None:
        self.out = out
        self.best: float | None = None

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
        self.out.print(f"{line}   {module.epoch_seconds:6.1f} s")

    def state_dict(self) -> dict[str, Any]:
        """Return the best value so far, for a resumed run."""
        return {"best": self.best}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore the best value."""
        self.best = state_dict["best"]


class Correction(Callback):
    """Correct a plan after the first epoch, where that took another time or memory.

    Args:
        plan: what was told before training.
        hardware: where it runs.
        out: console to write to.
    """

    def __init__(self, plan: Plan, hardware: Hardware, out: Console) -> None:
        self.plan, self.hardware, self.out = plan, hardware, out
        self.valid_seconds = 0.0
        self.done = False

    def on_validation_start(self, *ignored: Any) -> None:
        """Start the clock of the validation."""
        self.valid_clock = time.perf_counter()

    def on_validation_end(self, *ignored: Any) -> None:
        """Stop the clock of the validation."""
        self.valid_seconds = time.perf_counter() - self.valid_clock

    def on_train_epoch_end(
        self, trainer: lightning.Trainer, module: lightning.LightningModule
    ) -> None:
        """Print what was measured, once and only if it isn't what was expected."""
        if self.done:
            return
        self.done = True
        assert isinstance(module, TrainedModule)
        seconds = module.epoch_seconds - self.valid_seconds
        measured = Plan(
            seconds=seconds,
            valid_seconds=self.valid_seconds or self.plan.valid_seconds,
            peak=int(peak_mb(self.hardware) * 2**20),
            free=self.plan.free,
            advice="",
        )
        if measured.differs_from(self.plan):
            print_line(self.out, "measured", f"{told(measured)}, by the first epoch")
