"""The evaluation task: everything that evaluation needs besides the model."""

from dataclasses import dataclass
from functools import cached_property

import polars as pl
import torch
from torch import Tensor

from seqrec.config.schema import Evaluation, Root, cut_off
from seqrec.contracts import Reranker
from seqrec.counts.training import popularity_order, tie_order
from seqrec.evaluation.groups import find_groups
from seqrec.evaluation.judge import Judge
from seqrec.evaluation.sampled import sampled_negatives
from seqrec.ranking.categories import Categories, find_categories
from seqrec.ranking.gain import Gain
from seqrec.ranking.lists import ListMetric
from seqrec.ranking.policy import Policy
from seqrec.ranking.sampled import SampledNegatives
from seqrec.store.store import SequenceStore
from seqrec.store.views import Splits


@dataclass(frozen=True)
class Task:
    """Held-out events and the protocol that a model is judged by.

    Args:
        store: the sequences.
        splits: views of them.
        settings: the evaluation protocol.
        item_count_V: int64, training events of each item.
        gains: metrics of ranks by name.
        list_metrics: metrics of lists by name.
        categories: item categories, if the data has any.
        groups: the group of each user by attribute.
        negatives: items that test targets are also ranked among; None: none are configured.
    """

    store: SequenceStore
    splits: Splits
    settings: Evaluation
    item_count_V: Tensor
    gains: dict[str, Gain]
    list_metrics: dict[str, ListMetric]
    categories: Categories | None
    groups: dict[str, pl.Series]
    negatives: SampledNegatives | None

    @classmethod
    def of(
        cls,
        config: Root,
        store: SequenceStore,
        splits: Splits,
        *,
        item_count_V: Tensor,
        gains: dict[str, Gain],
        list_metrics: dict[str, ListMetric],
    ) -> "Task":
        """Collect what the configured metrics need from the data.

        Raises:
            ConfigError: the data lacks the configured categories, groups or negatives.
        """
        return cls(
            store=store,
            splits=splits,
            settings=config.evaluation,
            item_count_V=item_count_V,
            gains=gains,
            list_metrics=list_metrics,
            negatives=sampled_negatives(config, store, splits, item_count_V),
            categories=find_categories(store.items(), config.evaluation.category),
            groups=find_groups(store.users(), config.evaluation.groups),
        )

    @cached_property
    def own(self) -> Splits:
        """The splits of this process's share of the store, ``store.own``."""
        return self.splits.within(self.store.own)

    @property
    def k(self) -> int:
        """The list length at which results are reported."""
        return cut_off(self.settings.monitor, self.settings.ks)

    @cached_property
    def popularity(self) -> Tensor:
        """The items' places by training events, float64, as the popularity baseline has them."""
        return popularity_order(self.item_count_V.numpy(), tie_order(self.store.items()["item"]))

    @property
    def protocol(self) -> str:
        """The evaluation protocol in one line: what makes two runs comparable."""
        seen = "masked" if self.settings.mask_seen else "ranked"
        return (
            f"{self.splits.protocol}; full ranking; seen items {seen}; "
            "ties count against the target"
        )

    def judge(self, *, reranker: Reranker | None = None, rates: bool = False) -> Judge:
        """Return a judge of this task.

        Args:
            reranker: reorders the model's ranking.
            rates: the model also predicts ratings.
        """
        candidate_V = self.splits.candidate_V
        policy = Policy(
            candidate_V=None if candidate_V is None else torch.from_numpy(candidate_V),
            mask_seen=self.settings.mask_seen,
            reranker=reranker,
        )
        return Judge(
            policy=policy,
            gains=self.gains,
            ks=self.settings.ks,
            item_count_V=self.item_count_V,
            rates=rates,
            negatives=self.negatives,
        )
