"""Checkpoints in the middle of an epoch: by minutes and at SIGTERM, and how training goes on."""

import math
import signal
import threading
import time
from pathlib import Path
from types import FrameType
from typing import Any

import pytorch_lightning as lightning
import torch
from pytorch_lightning.callbacks import Callback

from seqrec.machine.determinism import random_state, restore_random
from seqrec.run.checkpoints import MIDWAY
from seqrec.terminal.console import Console, print_line
from seqrec.terminal.stop import Terminated
from seqrec.training.finite import FiniteLoss
from seqrec.training.module import TrainedModule

TOLERATED = 0.03  # share of the time that checkpoints may take without a word


class Midway(Callback):
    """Save in the middle of an epoch, and go on from there as if nothing had happened.

    It saves after the step in which the minutes are over or SIGTERM arrived. Such a checkpoint
    holds, beside what one at the end of an epoch does, how many sequences of the epoch have been
    trained on, and of each process the random numbers' state and the running mean of the loss. A
    run that goes on with as many processes continues bit by bit. With another number it takes the
    same batches, and draws by seed, epoch, process and position.

    While SIGTERM can't be followed by a save (in validation; of several processes without
    `minutes`, which don't agree on a step) it ends the process where it stands, as Ctrl-C does, and
    so does a second one.

    Args:
        file: the checkpoint to write.
        minutes: between two checkpoints, at least; None: they are written by epochs.
        finite: looks for a loss that is no number before anything is saved.
        out: console to tell what a checkpoint costs, if that is much.
    """

    def __init__(
        self, file: Path, *, minutes: float | None, finite: FiniteLoss, out: Console
    ) -> None:
        self.file, self.finite, self.out = file, finite, out
        self.seconds = None if minutes is None else 60 * minutes
        self.stepping = False  # in the steps of an epoch, whose ends can be saved at
        self.ending = False  # SIGTERM arrived in one of them
        self.told = False
        self.found: dict[str, Any] | None = None  # what the checkpoint has of an unfinished epoch
        self.written: dict[str, Any] | None = None  # what the checkpoint that is written has

    # signals and the clock ----------------------------------------------------------------------

    def on_train_start(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        """Take over SIGTERM, and go on with an unfinished epoch."""
        self.agreed = trainer.world_size == 1 or self.seconds is not None
        if threading.current_thread() is threading.main_thread():  # others can't set handlers
            # Lightning's own, which it takes away itself at the end of training, would tell other
            # processes by a collective, while they may be in the middle of another one
            signal.signal(signal.SIGTERM, self._terminated)
        self.saved = time.monotonic()
        if self.found is not None:
            assert isinstance(module, TrainedModule)
            self._go_on(trainer, module, self.found)
            self.found = None

    def on_train_epoch_start(self, *ignored: Any) -> None:
        """Let SIGTERM wait for the end of a step."""
        self.stepping = self.agreed

    def on_train_batch_end(
        self,
        trainer: lightning.Trainer,
        module: lightning.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        """Save if it is time, and end if SIGTERM arrived.

        Raises:
            Terminated: SIGTERM arrived.
            RunError: the loss or a weight isn't finite.
            WriteError: the checkpoint can't be written.
        """
        assert isinstance(module, TrainedModule)
        if trainer.is_last_batch:
            self.stepping = False  # the epoch is saved when it is validated
        elif self.agreed:
            due = self.seconds is not None and time.monotonic() - self.saved >= self.seconds
            due, self.ending = self._agree(trainer, due, self.ending)
            if due or self.ending:
                self._save(trainer, module, batch_idx)
        if self.ending:
            raise Terminated

    def _terminated(self, number: int, frame: FrameType | None) -> None:
        if not self.stepping or self.ending:
            raise Terminated
        self.ending = True

    def _agree(self, trainer: lightning.Trainer, *wishes: bool) -> tuple[bool, ...]:
        """Return what any process wishes, as all have to save at the same step."""
        if trainer.world_size == 1:
            return wishes
        wished = torch.tensor(wishes, dtype=torch.int32, device=trainer.strategy.root_device)
        torch.distributed.all_reduce(wished, op=torch.distributed.ReduceOp.MAX)
        return tuple(bool(each) for each in wished.tolist())

    # saving -------------------------------------------------------------------------------------

    def _save(self, trainer: lightning.Trainer, module: TrainedModule, step: int) -> None:
        began = time.monotonic()
        self.finite.check(trainer, module, step)
        loss, done = module.train_loss, step + 1
        own = {
            "random": random_state(module.device),
            "augment": module.generator.get_state(),
            "loss": [float(loss.mean_value), float(loss.weight)],  # type: ignore[arg-type]
        }
        self.written = {
            "epoch": trainer.current_epoch,
            "sequences": trainer.train_dataloader.seen(done),  # type: ignore[union-attr]
            "seconds": module.epoch_seconds,
            "processes": _gather(own, trainer.world_size),
        }
        try:
            trainer.save_checkpoint(self.file)
        finally:
            self.written = None
        self._tell(time.monotonic() - began)

    def on_save_checkpoint(self, trainer: Any, pl_module: Any, checkpoint: dict[str, Any]) -> None:
        """Add the state of an unfinished epoch; note when any checkpoint is written."""
        self.saved = time.monotonic()
        if self.written is not None:
            checkpoint[MIDWAY] = self.written

    def _tell(self, took: float) -> None:
        """Print what a checkpoint costs, once and only if it is much."""
        if self.seconds is None or self.told or took <= TOLERATED * self.seconds:
            return
        self.told = True
        rare = math.ceil(took / TOLERATED / 60)
        text = f"a checkpoint takes {took:.1f} s, {took / (took + self.seconds):.0%} of the time"
        less = f"trainer.checkpoint_minutes={rare} takes at most {TOLERATED:.0%}"
        print_line(self.out, "saving", f"{text}; {less}")

    # going on -----------------------------------------------------------------------------------

    def on_load_checkpoint(self, trainer: Any, pl_module: Any, checkpoint: dict[str, Any]) -> None:
        """Read the state of an unfinished epoch."""
        self.found = checkpoint.get(MIDWAY)

    def _go_on(
        self, trainer: lightning.Trainer, module: TrainedModule, found: dict[str, Any]
    ) -> None:
        """Begin the epoch, as Lightning leaves that out, and restore what it had come to."""
        batches: Any = trainer.train_dataloader
        batches.skip(found["sequences"])
        for callback in trainer.callbacks:  # type: ignore[attr-defined]
            callback.on_train_epoch_start(trainer, module)
        module.on_train_epoch_start()
        module.epoch_began -= found["seconds"]
        of_all, rank = found["processes"], trainer.global_rank
        if len(of_all) == trainer.world_size:
            restore_random(of_all[rank]["random"], module.device)
            module.generator.set_state(of_all[rank]["augment"])
            mean, weight = of_all[rank]["loss"]
        else:  # the first process has the sums of all that there were
            module.seed_steps(found["sequences"])
            sums = [sum(each) for each in zip(*(p["loss"] for p in of_all), strict=True)]
            mean, weight = sums if rank == 0 else (0.0, 0.0)
        module.train_loss.mean_value = torch.tensor(mean, device=module.device)
        module.train_loss.weight = torch.tensor(weight, device=module.device)


def _gather(own: dict[str, Any], world: int) -> list[Any]:
    """Return what each process has, in every process."""
    if world == 1:
        return [own]
    of_all: list[Any] = [None] * world
    torch.distributed.all_gather_object(of_all, own)
    return of_all
