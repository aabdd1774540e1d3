"""Evaluation of any model, trained or counted: ranking the catalogue for held-out events."""

from contextlib import AbstractContextManager
from functools import cached_property
from typing import Any, Literal

import pytorch_lightning as lightning
import torch

from seqrec.batches import EvalBatches
from seqrec.columns import Columns
from seqrec.config.schema import Root
from seqrec.config.typed import plain_values
from seqrec.contracts import Loss, Reranker
from seqrec.ensemble.model import AnyModel
from seqrec.evaluation.after_test import ListResults, evaluate_lists
from seqrec.evaluation.judge import Tested
from seqrec.evaluation.results import prefixed
from seqrec.evaluation.task import Task
from seqrec.facts import Facts
from seqrec.ranking.metrics import higher_is_better
from seqrec.ranking.rank import Ranking
from seqrec.shapes import EvalBatch
from seqrec.store.views import View


class EvaluatedModule(lightning.LightningModule):
    """A model with the task that it is evaluated on.

    A model is judged in float32, from the query to the rank, in whatever precision it is trained:
    that is how it recommends, and no rank depends on the batch that an event is in.

    Args:
        model: ranks the items.
        task: data and evaluation protocol.
        config: sizes and seeds.
        facts: run-time facts of the data.
        reranker: reorders the model's rankings.
        loss: the training loss; None for baselines.
    """

    def __init__(
        self,
        *,
        model: AnyModel,
        task: Task,
        config: Root,
        facts: Facts,
        reranker: Reranker,
        loss: Loss | None = None,
    ) -> None:
        super().__init__()
        self.model, self.loss = model, loss
        self._columns: Columns | None = None
        self.task, self.config, self.facts = task, config, facts
        self.store, self.splits = task.store, task.splits
        self.monitor = f"valid/{config.evaluation.monitor}"
        self.rates = self.reads_ratings = loss is not None and loss.needs_ratings
        self.judge = task.judge(reranker=reranker, rates=self.rates)
        self.results: dict[str, float] = {}  # the latest evaluation, in float64
        self.tested: Tested | None = None  # of the latest test

    @property
    def mode(self) -> Literal["min", "max"]:
        """Whether a small or large monitored metric is better, in Lightning's terms."""
        larger = higher_is_better(self.config.evaluation.monitor, self.task.gains)
        return "max" if larger else "min"

    @property
    def monitored(self) -> float:
        """The monitored metric in the latest validation."""
        return self.results[self.config.evaluation.monitor]

    @cached_property
    def description(self) -> dict[str, Any]:
        """Configuration and facts as plain values, by which a checkpoint describes itself."""
        return {"config": plain_values(self.config), "facts": self.facts.plain()}

    @property
    def wanted(self) -> tuple[str, ...]:
        """Event columns that batches hold."""
        return self.model.wanted

    @property
    def columns(self) -> Columns:
        """The columns of this process's users, who are all users or its own, on its device."""
        return self.columns_of(self.store.peers.world)

    def columns_of(self, world: int) -> Columns:
        """Return the same, where so many processes gather batches."""
        found = self._columns
        if found is None or found.asked_device != self.device:
            self._columns = found = Columns(
                self.store.own,
                self.device,
                ratings=self.reads_ratings,
                events=self.wanted,
                world=world,
            )
        return found

    def val_dataloader(self) -> EvalBatches:
        """Return this process's validation events."""
        return self._shared(self.splits.valid)

    def test_dataloader(self) -> EvalBatches:
        """Return this process's test events."""
        return self._shared(self.splits.test)

    def _shared(self, view: View) -> EvalBatches:
        rank, world = self.trainer.global_rank, self.trainer.world_size
        return self.eval_batches(view, rank=rank, world=world)

    def eval_batches(self, view: View, *, rank: int = 0, world: int = 1) -> EvalBatches:
        """Return batches of held-out events."""
        return EvalBatches(
            columns=self.columns_of(max(world, self.store.peers.world)),
            view=view,
            max_length=self.config.max_length,
            size=self.config.batch.eval_size,
            rank=rank,
            world=world,
        )

    def validation_step(self, batch: EvalBatch, index: int) -> None:
        """Rank the targets of a batch."""
        with self.exactly():
            self._rank(batch)

    def on_validation_epoch_end(self) -> None:
        """Log the metrics of all validation events."""
        self._finish("valid")

    def test_step(self, batch: EvalBatch, index: int) -> None:
        """Rank the targets of a batch, and keep each event's rank and list."""
        with self.exactly():
            query, ranking = self._rank(batch)
            self.judge.note(query, batch, self.model.catalogue(), ranking)

    def on_test_epoch_end(self) -> None:
        """Log the metrics of all test events."""
        self._finish("test")
        self.tested = self.judge.tested()

    def _rank(self, batch: EvalBatch) -> tuple[Any, Ranking]:
        query = self.model.query(batch.history, self.judge.policy.candidate_V)
        return query, self.judge.count(query, batch, self.model.catalogue(), self.loss)

    def exactly(self) -> AbstractContextManager:
        """Return a context of float32, whatever the trainer's precision is."""
        return torch.autocast(self.device.type, enabled=False)

    def _finish(self, stage: str) -> None:
        self.results = self.judge.results()
        found = prefixed(stage, self.results)
        if not self.loggers:  # only callbacks look, at one; Lightning takes 0.5 ms for each
            found = {name: value for name, value in found.items() if name == self.monitor}
        self.log_dict(found)

    def conclude(self) -> ListResults:
        """Compute the list metrics of the latest test, in each process that shares the store."""
        assert self.tested is not None
        return evaluate_lists(
            self.task,
            self.tested,
            judge=self.judge,
            batches=self.eval_batches(self.splits.test),
            catalogue=self.model.catalogue(),
            device=self.device,
        )
