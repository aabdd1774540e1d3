"""The experiment as a LightningModule: what happens to a batch, and what is counted."""

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
from torch import Tensor
from torch.optim.lr_scheduler import ReduceLROnPlateau
from torchmetrics import MeanMetric

from seqrec.batches import Columns, EvalBatches, TrainBatches
from seqrec.config.schema import Root
from seqrec.experiment.folder import plain
from seqrec.experiment.judge import Judge
from seqrec.model import SequenceModel
from seqrec.optimizer.clip import any_sparse, clip_gradients
from seqrec.ranking.gain import Gain
from seqrec.ranking.rank import Ranking
from seqrec.split.views import Splits, View
from seqrec.store.store import SequenceStore
from seqrec.types import (
    EvalBatch,
    Facts,
    Loss,
    NegativeSampler,
    Targets,
    TrainBatch,
    Window,
    position_mask,
)


class Experiment(pl.LightningModule):
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
        super().__init__()
        self.model, self.loss, self.negatives = model, loss, negatives
        self.window = window
        self._columns: Columns | None = None
        self.make_optimizer, self.make_scheduler = optimizer, scheduler
        self.store, self.splits, self.config, self.facts = store, splits, config, facts
        self.monitor = f"valid/{config.evaluation.monitor}"
        self.smaller_is_better = config.evaluation.monitor == "rmse"
        self.validated = -1  # the epoch of the latest validation
        allowed_V = None if splits.candidates is None else torch.from_numpy(splits.candidates)
        self.judge = Judge(
            gains=gains,
            ks=config.evaluation.ks,
            n_items=store.n_items,
            allowed_V=allowed_V,
            mask_seen=config.evaluation.mask_seen,
            rates=loss.needs_ratings,
        )
        self.train_loss, self.valid_loss = MeanMetric(), MeanMetric()
        self.results: dict[str, float] = {}  # the latest evaluation, in float64
        self.ranks: tuple[Tensor, Tensor] | None = None  # users and their ranks, from the test
        self.fit_seconds = 0.0

    @property
    def protocol(self) -> str:
        """The evaluation protocol in one line: what makes two runs comparable."""
        seen = "masked" if self.config.evaluation.mask_seen else "ranked"
        return (
            f"{self.splits.protocol}; full ranking; seen items {seen}; "
            "ties count against the target"
        )

    # batches ------------------------------------------------------------------------------------

    @property
    def columns(self) -> Columns:
        """What batches are gathered from, on the model's device."""
        if self._columns is None or self._columns.wanted != self.device:
            ratings = self.loss.needs_ratings
            self._columns = Columns(self.store, self.device, ratings=ratings)
        return self._columns

    def train_dataloader(self) -> TrainBatches:
        """This epoch's batches; Lightning asks anew at every epoch."""
        return self.epoch_batches(
            self.current_epoch, rank=self.trainer.global_rank, world=self.trainer.world_size
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
        )

    def val_dataloader(self) -> EvalBatches:
        """This process's validation events."""
        return self._shared(self.splits.valid)

    def test_dataloader(self) -> EvalBatches:
        """This process's test events."""
        return self._shared(self.splits.test)

    def _shared(self, view: View) -> EvalBatches:
        rank, world = self.trainer.global_rank, self.trainer.world_size
        return self.eval_batches(view, rank=rank, world=world)

    def eval_batches(self, view: View, *, rank: int = 0, world: int = 1) -> EvalBatches:
        """Batches of held-out events."""
        return EvalBatches(
            columns=self.columns,
            view=view,
            max_length=self.config.max_length,
            size=self.config.batch.eval_size,
            rank=rank,
            world=world,
        )

    # training -----------------------------------------------------------------------------------

    def on_train_epoch_start(self) -> None:
        """Make the epoch's random numbers a function of seed, epoch and process."""
        entropy = [self.config.seed, self.current_epoch, self.global_rank]
        torch.manual_seed(int(np.random.SeedSequence(entropy).generate_state(1)[0]))
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
        u_BLD = self.model(batch.item_BL, batch.length_B)
        width = batch.item_BL.shape[1]
        mask_BL = position_mask(batch.length_B, width) & ~position_mask(batch.context_B, width)
        row_N, column_N = mask_BL.nonzero(as_tuple=True)
        rating_N = None if batch.rating_BL is None else batch.rating_BL[row_N, column_N]
        targets = Targets(batch.target_BL[row_N, column_N], row_N, rating_N)
        query_ND = self.model.scorer(u_BLD[row_N, column_N])
        return self._loss(query_ND, targets, batch.item_BL), len(row_N)

    def _loss(self, query_ND: Tensor, targets: Targets, item_BL: Tensor) -> Tensor:
        negatives = self.negatives(targets, item_BL) if self.loss.needs_negatives else None
        with torch.autocast(self.device.type, enabled=False):
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
        """Shorten gradients to ``trainer.gradient_clip``; torch's own can't where one is sparse."""
        if gradient_clip_val and any_sparse(self.parameters()):
            clip_gradients(self.parameters(), gradient_clip_val)
        else:
            self.clip_gradients(optimizer, gradient_clip_val, gradient_clip_algorithm)

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
        loss = self._loss(query_BD, Targets(batch.target_B, rows_B, batch.rating_B), batch.item_BL)
        self.valid_loss.update(loss, weight=len(query_BD))

    def on_validation_epoch_end(self) -> None:
        """Log the metrics of all validation events, and let a plateau schedule see them."""
        self._finish("valid")
        self.validated = self.current_epoch
        plateau = self.lr_schedulers() if self.trainer.state.fn == "fit" else None
        if isinstance(plateau, ReduceLROnPlateau):
            plateau.step(self.results[self.monitor])
        self.log("valid/loss", self.valid_loss.compute())
        self.valid_loss.reset()

    def test_step(self, batch: EvalBatch, index: int) -> None:
        """Rank, and keep each user's rank."""
        _, ranking = self._rank(batch)
        self.judge.rank_list.update(batch.user_B, ranking.rank_B)

    def on_test_epoch_end(self) -> None:
        """Log the metrics of all test events."""
        self._finish("test")
        self.ranks = self.judge.ranks()

    def _rank(self, batch: EvalBatch) -> tuple[Tensor, Ranking]:
        query_BD = self.model.query(batch.item_BL, batch.length_B, self.judge.allowed_V)
        with torch.autocast(self.device.type, enabled=False):
            return query_BD, self.judge.count(query_BD, batch, self.model.catalogue(), self.loss)

    def _finish(self, stage: str) -> None:
        self.results = self.judge.results(stage)
        self.log_dict(self.results)

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
