"""The experiment as a LightningModule: what happens to a batch, and what is counted."""

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from pytorch_lightning.plugins.precision import FSDPPrecision
from torch import Tensor
from torch.optim.lr_scheduler import ReduceLROnPlateau
from torchmetrics import MeanMetric

from seqrec.batches import TrainBatches
from seqrec.config.schema import Root
from seqrec.contracts import Facts, Loss, NegativeSampler, Window
from seqrec.evaluation.evaluated import Evaluated
from seqrec.layers.clip import clip_gradients
from seqrec.machine.determinism import seed_all
from seqrec.model import SequenceModel
from seqrec.ranking.gain import Gain
from seqrec.run.folder import plain
from seqrec.shapes import EvalBatch, Targets, TrainBatch, position_mask
from seqrec.store.store import SequenceStore
from seqrec.store.views import Splits


class Experiment(Evaluated):
    """Train a model on a split's sequences and rank the catalogue for its held-out events.

    Every epoch is a function of (seed, epoch): the shuffle, the dropout masks and the negatives.
    That is why a killed run, continued from its last epoch, ends where an unbroken one ends.

    Args:
        model: what is trained.
        window: which stretches of a history it learns from.
        loss: of queries and targets.
        negatives: sampler for losses that want one.
        optimizer: parameters to optimizer.
        scheduler: optimizer to Lightning's learning-rate configuration, or None.
        gains: ranking metrics by name.
        store: the sequences.
        splits: views of them.
        config: sizes, seeds and the evaluation protocol.
        facts: what the data says.
    """

    model: SequenceModel
    loss: Loss

    def __init__(
        self,
        *,
        model: SequenceModel,
        window: Window,
        loss: Loss,
        negatives: NegativeSampler,
        optimizer: Callable[[Any], torch.optim.Optimizer],
        scheduler: Callable[..., Any],
        gains: dict[str, Gain],
        store: SequenceStore,
        splits: Splits,
        config: Root,
        facts: Facts,
    ) -> None:
        super().__init__(
            model=model,
            gains=gains,
            store=store,
            splits=splits,
            config=config,
            facts=facts,
            loss=loss,
        )
        self.window, self.negatives = window, negatives
        self.make_optimizer, self.make_scheduler = optimizer, scheduler
        self.smaller_is_better = config.evaluation.monitor == "rmse"
        self.validated = -1  # the epoch of the latest validation
        self.train_loss, self.valid_loss = MeanMetric(), MeanMetric()
        self.fit_seconds = 0.0

    # batches ------------------------------------------------------------------------------------

    def train_dataloader(self) -> TrainBatches:
        """This epoch's batches; Lightning asks anew at every epoch."""
        epoch = 0 if self.config.trainer.same_batches else self.current_epoch
        return self.epoch_batches(
            epoch, rank=self.trainer.global_rank, world=self.trainer.world_size
        )

    def epoch_batches(self, epoch: int, *, rank: int = 0, world: int = 1) -> TrainBatches:
        """The batches of any epoch."""
        return TrainBatches(
            columns=self.columns,
            view=self.splits.train,
            window=self.window,
            max_length=self.config.max_length,
            size=self.config.batch.size,
            seed=self.config.seed,
            epoch=epoch,
            rank=rank,
            world=world,
            from_start=self.model.from_start,
        )

    # training -----------------------------------------------------------------------------------

    def on_train_epoch_start(self) -> None:
        """Make the epoch's random numbers a function of seed, epoch and process."""
        entropy = [self.config.seed, self.current_epoch, self.global_rank]
        seed_all(int(np.random.SeedSequence(entropy).generate_state(1)[0]))
        self._clock = time.perf_counter()

    def on_train_start(self) -> None:
        """A run that was killed after its last epoch doesn't begin another."""
        stop = self.trainer.early_stopping_callback
        if stop is not None and stop.wait_count >= stop.patience:  # type: ignore[attr-defined]
            self.trainer.should_stop = True

    def training_step(self, batch: TrainBatch, index: int) -> Tensor:
        """Count and log the batch's loss."""
        loss, positions = self.batch_loss(batch)
        self.train_loss.update(loss.detach(), weight=positions if batch.weight else 0)
        self.log("train/loss", loss, on_step=True, on_epoch=False)
        return loss * batch.weight

    def batch_loss(self, batch: TrainBatch) -> tuple[Tensor, int]:
        """Mean loss over the batch's targets, and how many there are."""
        item_BL = batch.history.item_BL
        u_BLD, width = self.model(batch.history), item_BL.shape[1]
        mask_BL = position_mask(batch.history.length_B, width) & ~position_mask(
            batch.context_B, width
        )
        row_N, column_N = mask_BL.nonzero(as_tuple=True)
        rating_N = None if batch.rating_BL is None else batch.rating_BL[row_N, column_N]
        targets = Targets(batch.target_BL[row_N, column_N], row_N, rating_N)
        query_ND = self.model.scorer(u_BLD[row_N, column_N])
        return self._loss(query_ND, targets, item_BL), len(row_N)

    def _loss(self, query_ND: Tensor, targets: Targets, item_BL: Tensor) -> Tensor:
        negatives = self.negatives(targets, item_BL) if self.loss.needs_negatives else None
        kind = self.device.type
        if torch.is_autocast_enabled(kind):  # its products too, though norms end in float32
            query_ND = query_ND.to(torch.get_autocast_dtype(kind))
        with torch.autocast(kind, enabled=False):
            return self.loss(query_ND, targets, self.model.catalogue(), negatives)

    def on_train_epoch_end(self) -> None:
        """Log the epoch's mean loss, over positions."""
        self.log("train/loss_epoch", self.train_loss.compute())
        self.train_loss.reset()

    def lr_scheduler_step(self, scheduler: Any, metric: Any) -> None:
        """Step a schedule; a plateau is stepped at validation, before checkpoints are written."""
        if not isinstance(scheduler, ReduceLROnPlateau):
            scheduler.step()

    def configure_gradient_clipping(
        self,
        optimizer: torch.optim.Optimizer,
        gradient_clip_val: float | None = None,
        gradient_clip_algorithm: str | None = None,
    ) -> None:
        """Shorten gradients to ``trainer.gradient_clip``.

        Lightning's own refuses fused optimizers under any mixed precision, for the sake of fp16,
        with which runs have none; it is for weights in pieces.
        """
        if isinstance(self.trainer.precision_plugin, FSDPPrecision):
            self.clip_gradients(optimizer, gradient_clip_val, gradient_clip_algorithm)
        elif gradient_clip_val:
            clip_gradients(self.parameters(), gradient_clip_val)

    def configure_optimizers(self) -> Any:
        """Optimizer and schedule."""
        optimizer = self.make_optimizer([p for p in self.parameters() if p.requires_grad])
        schedule = self.make_scheduler(
            optimizer,
            total_steps=int(self.trainer.estimated_stepping_batches),
            monitor=self.monitor,
        )
        return optimizer if schedule is None else {"optimizer": optimizer, "lr_scheduler": schedule}

    # evaluation ---------------------------------------------------------------------------------

    def validation_step(self, batch: EvalBatch, index: int) -> None:
        """Rank, and the loss at the held-out events."""
        query_BD, _ = self._rank(batch)
        rows_B = torch.arange(len(query_BD), device=self.device)
        targets = Targets(batch.target_B, rows_B, batch.rating_B)
        loss = self._loss(query_BD, targets, batch.history.item_BL)
        self.valid_loss.update(loss, weight=len(query_BD))

    def on_validation_epoch_end(self) -> None:
        """Log the metrics of all validation events, and let a plateau schedule see them."""
        super().on_validation_epoch_end()
        self.validated = self.current_epoch
        plateau = self.lr_schedulers() if self.trainer.state.fn == "fit" else None
        if isinstance(plateau, ReduceLROnPlateau):
            plateau.step(self.results[self.monitor])
        self.log("valid/loss", self.valid_loss.compute())
        self.valid_loss.reset()

    # checkpoints --------------------------------------------------------------------------------

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Add plain values, so that a checkpoint tells by itself what it is."""
        now = time.perf_counter()
        self.fit_seconds += now - self._clock
        self._clock = now
        checkpoint["seqrec"] = {
            "config": plain(self.config),
            "facts": self.facts.plain(),
            "fit_seconds": self.fit_seconds,
        }

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Go on counting the time where the run stopped."""
        self.fit_seconds = checkpoint["seqrec"]["fit_seconds"]
