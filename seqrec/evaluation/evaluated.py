"""What every experiment does, trained or counted: rank the catalogue for the held-out events."""

from typing import Any

import pytorch_lightning as pl
import torch

from seqrec.batches import Columns, EvalBatches
from seqrec.beyond.categories import find_categories
from seqrec.config.schema import Root
from seqrec.contracts import Facts, Loss
from seqrec.evaluation.groups import find_groups
from seqrec.evaluation.judge import Judge, Tested
from seqrec.evaluation.sampled import sampled_negatives
from seqrec.model import CountedModel, SequenceModel
from seqrec.ranking.gain import Gain
from seqrec.ranking.rank import Ranking
from seqrec.shapes import EvalBatch
from seqrec.store.store import SequenceStore
from seqrec.store.views import Splits, View


class Evaluated(pl.LightningModule):
    """A model, the data and the protocol that it is judged by.

    Args:
        model: what ranks.
        gains: ranking metrics by name.
        store: the sequences.
        splits: views of them.
        config: sizes, seeds and the evaluation protocol.
        facts: what the data says.
        loss: what it is trained with; None: nothing.
    """

    def __init__(
        self,
        *,
        model: SequenceModel | CountedModel,
        gains: dict[str, Gain],
        store: SequenceStore,
        splits: Splits,
        config: Root,
        facts: Facts,
        loss: Loss | None = None,
    ) -> None:
        super().__init__()
        self.model, self.loss = model, loss
        self._columns: Columns | None = None
        self.store, self.splits, self.config, self.facts = store, splits, config, facts
        self.monitor = f"valid/{config.evaluation.monitor}"
        self.rates = loss is not None and loss.needs_ratings
        assert facts.item_count_V is not None
        candidate_V = None if splits.candidate_V is None else torch.from_numpy(splits.candidate_V)
        self.judged_by: dict[str, Any] = {  # whatever is judged
            "gains": gains,
            "ks": config.evaluation.ks,
            "item_count_V": facts.item_count_V,
            "candidate_V": candidate_V,
            "mask_seen": config.evaluation.mask_seen,
            "negatives": sampled_negatives(config, store, splits, facts.item_count_V),
        }
        self.judge = Judge(**self.judged_by, rates=self.rates)
        self.categories = find_categories(store.items(), config.evaluation.category)
        self.groups = find_groups(store.users(), config.evaluation.groups)
        self.results: dict[str, float] = {}  # the latest evaluation, in float64
        self.tested: Tested | None = None  # what the latest test left

    @property
    def protocol(self) -> str:
        """The evaluation protocol in one line: what makes two runs comparable."""
        seen = "masked" if self.config.evaluation.mask_seen else "ranked"
        return (
            f"{self.splits.protocol}; full ranking; seen items {seen}; "
            "ties count against the target"
        )

    @property
    def columns(self) -> Columns:
        """What batches are gathered from, on the model's device."""
        if self._columns is None or self._columns.wanted != self.device:
            self._columns = Columns(
                self.store, self.device, ratings=self.rates, events=self.model.wanted
            )
        return self._columns

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

    def validation_step(self, batch: EvalBatch, index: int) -> None:
        """Rank."""
        self._rank(batch)

    def on_validation_epoch_end(self) -> None:
        """Log the metrics of all validation events."""
        self._finish("valid")

    def test_step(self, batch: EvalBatch, index: int) -> None:
        """Rank, and keep each event's rank and list."""
        query, ranking = self._rank(batch)
        with torch.autocast(self.device.type, enabled=False):
            self.judge.note(query, batch, self.model.catalogue(), ranking)

    def on_test_epoch_end(self) -> None:
        """Log the metrics of all test events."""
        self._finish("test")
        self.tested = self.judge.tested()

    def _rank(self, batch: EvalBatch) -> tuple[Any, Ranking]:
        query = self.model.query(batch.history, self.judge.candidate_V)
        with torch.autocast(self.device.type, enabled=False):
            return query, self.judge.count(query, batch, self.model.catalogue(), self.loss)

    def _finish(self, stage: str) -> None:
        self.results = self.judge.results(stage)
        self.log_dict(self.results)
