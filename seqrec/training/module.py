"""Training as a LightningModule: steps, schedules, validation and checkpoints."""

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytorch_lightning as lightning
import torch
from pytorch_lightning.plugins.precision import FSDPPrecision
from torch import Tensor
from torch.optim.lr_scheduler import ReduceLROnPlateau
from torchmetrics import MeanMetric

from seqrec.adapter import FILE, write_adapter
from seqrec.batches import TrainBatches
from seqrec.config.schema import Root
from seqrec.contracts import Augment, Loss, NegativeSampler, Objective, Reranker, Update, Window
from seqrec.evaluation.task import Task
from seqrec.facts import Facts
from seqrec.layers.clip import clip_gradients
from seqrec.layers.shard import shards_of
from seqrec.machine.determinism import seed_all
from seqrec.model import SequenceModel
from seqrec.objective._teacher import Teacher
from seqrec.run.checkpoints import find_start
from seqrec.run.folder import RunFolder
from seqrec.shapes import EvalBatch, TrainBatch
from seqrec.terminal.console import Console, print_line
from seqrec.training.evaluated import EvaluatedModule
from seqrec.training.start import Begun, begin_from
from seqrec.training.steps import check_step, step_of


class TrainedModule(EvaluatedModule):
    """Train a model on a split's sequences and rank the catalogue for its held-out events.

    Every epoch is a function of (seed, epoch): the shuffle, the augmented batches, the dropout
    masks and the negatives. A killed run, continued from its last epoch, therefore gives the same
    results as an uninterrupted one; so does one that is continued in the middle of an epoch, whose
    checkpoint has the state of the random numbers (:mod:`seqrec.training.midway`).

    Args:
        model: the model to train.
        window: cuts histories into training segments.
        augment: changes training batches.
        objective: computes the loss of a batch.
        loss: the objective's loss; a rating loss predicts ratings, too.
        negatives: the objective's sampler of negatives; one with parameters is trained and saved.
        optimizer: builds the optimizer of the parameters.
        scheduler: maps the optimizer to Lightning's learning-rate configuration, or None.
        task: data and evaluation protocol.
        config: sizes and seeds.
        facts: run-time facts of the data.
        reranker: reorders the model's rankings.
        teacher: finished runs that the objective learns from; None: it learns from none.
        update: what this run takes over from the one that it updates; None: it updates none.
    """

    model: SequenceModel
    loss: Loss

    def __init__(
        self,
        *,
        model: SequenceModel,
        window: Window,
        augment: Augment,
        objective: Objective,
        loss: Loss,
        negatives: NegativeSampler,
        optimizer: Callable[[Any], torch.optim.Optimizer],
        scheduler: Callable[..., Any],
        task: Task,
        config: Root,
        facts: Facts,
        reranker: Reranker,
        teacher: Teacher | None = None,
        update: Update | None = None,
    ) -> None:
        super().__init__(
            model=model, task=task, config=config, facts=facts, reranker=reranker, loss=loss
        )
        self.window, self.augment, self.update = window, augment, update
        # a module, if they have parameters, which Lightning then moves, trains and saves
        self.objective, self.negatives, self.teacher = objective, negatives, teacher
        self.reads_ratings |= getattr(objective, "reads_ratings", False)
        self.generator = torch.Generator()  # for augmentation; each epoch has its own
        self.make_optimizer, self.make_scheduler = optimizer, scheduler
        self.learned = None if update is None else self.splits.learned
        self.begun: Begun | None = None  # what it took over from another run
        self.validated = -1  # the epoch of the latest validation
        self.epoch_began = self._clock = 0.0
        # a loss that is NaN stops the run; torchmetrics' warning would only come before
        self.train_loss, self.valid_loss = MeanMetric(nan_strategy="ignore"), MeanMetric()
        self.fit_seconds = 0.0

    def fit(self, trainer: lightning.Trainer, folder: RunFolder, out: Console) -> dict[str, Any]:
        """Train, from the last whole checkpoint if there is one; return epochs and seconds.

        Raises:
            KeyboardInterrupt: training was interrupted and Lightning shut it down.
        """
        start = find_start(folder.path)
        if start.notes:
            print_line(out, "damage", "; ".join(start.notes))
        if start.checkpoint:
            print_line(out, "resume", f"from {start.checkpoint}{start.position}")
        trainer.fit(self, ckpt_path=start.checkpoint, weights_only=True)
        if trainer.interrupted:
            raise KeyboardInterrupt
        return {"epochs": trainer.current_epoch, "fit_seconds": round(self.fit_seconds, 3)}

    def inherit(self) -> None:
        """Take over what this run has of others: the weights it begins with, and its teacher."""
        if self.update is not None:
            self.update.begin(self.model, self.task, self.config, self.facts)
        if self.config.checkpoint is not None:
            where = self.config.checkpoint
            self.begun = begin_from(where, self.model, self.store, self.config, self.facts)
        if self.teacher is not None:
            self.teacher.begin(self.config, self.store)
            self._columns = None  # the teacher may read others

    @property
    def wanted(self) -> tuple[str, ...]:
        """Event columns that the model or its teacher reads."""
        taught = () if self.teacher is None else self.teacher.wanted
        return tuple(dict.fromkeys((*self.model.wanted, *taught)))

    def leave(self, folder: RunFolder) -> None:
        """Write what an adapter trained as a file of its own."""
        if self.config.adapter is not None:
            begun = self.begun
            base = None if begun is None else {"run": begun.run, "weights": begun.weights}
            write_adapter(self.model, folder.path / FILE, node=self.config.adapter, base=base)

    # batches ------------------------------------------------------------------------------------

    def train_dataloader(self) -> TrainBatches:
        """Return this epoch's batches; Lightning calls this at every epoch."""
        epoch = 0 if self.config.trainer.same_batches else self.current_epoch
        return self.epoch_batches(
            epoch, rank=self.trainer.global_rank, world=self.trainer.world_size
        )

    def epoch_batches(self, epoch: int, *, rank: int = 0, world: int = 1) -> TrainBatches:
        """Return the batches of any epoch; those of this process, if several share the store."""
        if (peers := self.store.peers).world > 1:
            rank, world = peers.rank, peers.world
        return TrainBatches(
            columns=self.columns_of(world),
            view=self.splits.train if self.learned is None else self.learned,
            window=self.window,
            max_length=self.config.max_length,
            size=self.config.batch.size,
            seed=self.config.seed,
            epoch=epoch,
            rank=rank,
            world=world,
            from_start=self.model.from_start,
            within=self.learned is not None,
        )

    # training -----------------------------------------------------------------------------------

    def on_train_epoch_start(self) -> None:
        """Seed the epoch's random numbers, and start its clock."""
        self.seed_steps()
        self.epoch_began = self._clock = time.perf_counter()

    def seed_steps(self, *position: int) -> None:
        """Seed the random numbers of steps by seed, epoch, process and position in the epoch."""
        entropy = [self.config.seed, self.current_epoch, self.global_rank, *position]
        step, augment = np.random.SeedSequence(entropy).generate_state(2)
        seed_all(int(step))
        self.generator = torch.Generator(self.device).manual_seed(int(augment))

    @property
    def epoch_seconds(self) -> float:
        """Seconds of the epoch so far, with those before it was interrupted."""
        return time.perf_counter() - self.epoch_began

    def on_train_start(self) -> None:
        """Stop a resumed run that had already run out of patience."""
        stop = self.trainer.early_stopping_callback
        if stop is not None and stop.wait_count >= stop.patience:  # type: ignore[attr-defined]
            self.trainer.should_stop = True

    def training_step(self, batch: TrainBatch, index: int) -> Tensor:
        """Accumulate and log the batch's loss, and log its terms."""
        loss, targets, terms = self.learn(batch)
        self.train_loss.update(loss.detach(), weight=targets if batch.weight else 0)
        self.log("train/loss", loss, on_step=True, on_epoch=False)
        if len(terms) > 1:
            named = {f"train/{name}": term.detach() for name, term in terms.items()}
            self.log_dict(named, on_step=True, on_epoch=False)
        return loss * batch.weight

    def learn(self, batch: TrainBatch) -> tuple[Tensor, int, dict[str, Tensor]]:
        """Return an augmented batch's mean loss, number of targets, and loss terms by name."""
        batch = self.augment(batch, self.generator)
        if self.update is None:
            return self.objective(self.model, batch)
        return self.update.learn(self.objective, self.model, batch, self.generator)

    def on_train_epoch_end(self) -> None:
        """Log the epoch's mean loss over positions."""
        self.log("train/loss_epoch", self.train_loss.compute())
        self.train_loss.reset()

    def lr_scheduler_step(self, scheduler: Any, metric: Any) -> None:
        """Step the schedule; a plateau is stepped at validation, before checkpoints are written."""
        if not isinstance(scheduler, ReduceLROnPlateau):
            scheduler.step()

    def optimizer_step(self, epoch: int, index: int, optimizer: Any, closure: Any = None) -> None:
        """Update the weights, and let go of the gradients.

        Lightning would hold them through the next forward pass, validation and checkpoints.
        """
        super().optimizer_step(epoch, index, optimizer, closure)
        optimizer.zero_grad()

    def configure_gradient_clipping(
        self,
        optimizer: torch.optim.Optimizer,
        gradient_clip_val: float | None = None,
        gradient_clip_algorithm: str | None = None,
    ) -> None:
        """Clip the gradient norm to ``trainer.gradient_clip``.

        Lightning's own clipping refuses fused optimizers under any mixed precision because of fp16,
        with which runs use none; it serves sharded weights only.
        """
        if isinstance(self.trainer.precision_plugin, FSDPPrecision):
            self.clip_gradients(optimizer, gradient_clip_val, gradient_clip_algorithm)
        elif gradient_clip_val:
            shards = [own for _, own, _ in shards_of(self)]
            split = {id(own) for own in shards}
            others = [weight for weight in self.parameters() if id(weight) not in split]
            clip_gradients(others, gradient_clip_val, shards=shards)

    def configure_optimizers(self) -> Any:
        """Return optimizer and schedule."""
        optimizer = self.make_optimizer([p for p in self.parameters() if p.requires_grad])
        if self.update is not None:
            self.update.warm(optimizer, self.model)
        schedule = self.make_scheduler(
            optimizer,
            total_steps=int(self.trainer.estimated_stepping_batches),
            monitor=self.monitor,
            mode=self.mode,
        )
        return optimizer if schedule is None else {"optimizer": optimizer, "lr_scheduler": schedule}

    # evaluation ---------------------------------------------------------------------------------

    def validation_step(self, batch: EvalBatch, index: int) -> None:
        """Rank the targets of a batch, and accumulate the loss at held-out events."""
        with self.exactly():
            query_BD, _ = self._rank(batch)
            loss = self.objective.held_out(self.model, query_BD, batch)
        self.valid_loss.update(loss, weight=len(query_BD))

    def on_validation_epoch_end(self) -> None:
        """Log the metrics of all validation events, and step a plateau schedule."""
        super().on_validation_epoch_end()
        self.validated = self.current_epoch
        plateau = self.lr_schedulers() if self.trainer.state.fn == "fit" else None
        if isinstance(plateau, ReduceLROnPlateau):
            plateau.step(self.monitored)
        self.log("valid/loss", self.valid_loss.compute())
        self.valid_loss.reset()

    # checkpoints --------------------------------------------------------------------------------

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Add what the checkpoint is of, and the training time so far."""
        now = time.perf_counter()
        self.fit_seconds += now - self._clock
        self._clock = now
        step = step_of(self.config.batch.size, self.trainer.world_size)
        further = {"fit_seconds": self.fit_seconds, "step": step}
        checkpoint["seqrec"] = self.description | further

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Restore the training time so far.

        Raises:
            ConfigError: a step would be of other sequences than before.
        """
        saved = checkpoint["seqrec"]
        check_step(saved.get("step"), self.config.batch.size, self.trainer.world_size)
        self.fit_seconds = saved["fit_seconds"]
