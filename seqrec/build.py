"""The parts of a run, from its configuration and the facts of its data."""

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from typing import Any

import numpy as np
import torch
from torch.optim import Optimizer

from seqrec.adapter import adapt
from seqrec.config.make import locate, make, takes
from seqrec.config.schema import Root, is_trained
from seqrec.context.events import squashed
from seqrec.contracts import Loss, NegativeSampler, Objective, Reranker, Scheduler
from seqrec.counts.exact import exact_sum
from seqrec.counts.similar import similar_items
from seqrec.counts.training import Training
from seqrec.errors import ConfigError
from seqrec.facts import EventFacts, Facts
from seqrec.layers.shard import Shard
from seqrec.model import BaselineModel, SequenceModel
from seqrec.objective._teacher import Teacher
from seqrec.ranking.gain import Gain
from seqrec.ranking.lists import ListMetric
from seqrec.raw.source import Source
from seqrec.store.peers import Peers
from seqrec.store.store import SequenceStore
from seqrec.store.views import Splits, View

MASK_STD = 0.02  # of the initial vector of hidden items, as of positions


def build_source(config: Root) -> Source:
    """Return the data source."""
    return make(config.data)


def build_baseline(config: Root, facts: Facts) -> BaselineModel:
    """Return the baseline, before counting."""
    return BaselineModel(make(config.baseline, **vars(facts)))


def build_model(
    config: Root, facts: Facts, *, sparse: bool = False, shard: Shard | None = None
) -> SequenceModel:
    """Return the model.

    Args:
        config: the configuration.
        facts: run-time facts of the data.
        sparse: item tables get sparse gradients.
        shard: the rows that this process has of the item table; None: all.
    """
    further = getattr(locate(config.objective), "further", 0)
    arguments = {**vars(facts), "sparse": sparse, "further": further, "shard": shard}
    model = SequenceModel(
        embedding=make(config.embedding, **arguments),
        encoder=make(config.encoder, **arguments),
        head=make(config.head, **arguments),
        scorer=make(config.scorer, **arguments),
        context=make(config.context, **arguments) if config.context else None,
        ask=locate(config.objective).ask,
        shard=shard,
    )
    if further:
        model.mask_D = torch.nn.Parameter(torch.randn(config.dim) * MASK_STD)
    return adapt(model, make(config.adapter, **arguments)) if config.adapter else model


def build_loss(config: Root, facts: Facts) -> Loss:
    """Return the loss.

    Raises:
        ConfigError: it learns from ratings, and the data has none.
    """
    kind = locate(config.loss)
    if kind.needs_ratings and facts.rating_mean is None:
        raise ConfigError(
            "this loss needs ratings, but the data has none",
            where=f"loss={kind.__name__}",
            todo="choose another loss, or data with a rating column",
        )
    return make(config.loss, **vars(facts))


def build_negatives(config: Root, facts: Facts) -> NegativeSampler:
    """Return the sampler of negatives."""
    return make(config.negatives, **vars(facts))


def build_objective(
    config: Root,
    facts: Facts,
    *,
    loss: Loss,
    negatives: NegativeSampler,
    teacher: Teacher | None = None,
) -> Objective:
    """Return the objective, with `loss`, `negatives` and `teacher` if it has parameters for them.

    Raises:
        ConfigError: it learns from ratings, and the data has none.
    """
    given = {"loss": loss, "negatives": negatives, "teacher": teacher}
    objective = make(config.objective, **vars(facts), **given)
    if getattr(objective, "reads_ratings", False) and facts.rating_mean is None:
        raise ConfigError(
            "this objective learns from ratings, but the data has none",
            where=f"objective={type(objective).__name__}",
            todo="choose another objective, or data with a rating column",
        )
    return objective


def build_optimizer(config: Root, parameters: Iterable[torch.nn.Parameter]) -> Optimizer:
    """Return the optimizer of the parameters."""
    return make(config.optimizer, params=parameters)


def build_scheduler(config: Root) -> Scheduler:
    """Return the schedule, built immediately so that mistakes surface early.

    A library's scheduler needs its optimizer, so it is built later. It is stepped once per epoch,
    or per training step if it has a parameter ``total_steps``.
    """
    node, target = config.scheduler, locate(config.scheduler)
    if not takes(target, "optimizer"):
        return make(node)

    def schedule(
        optimizer: Optimizer, *, total_steps: int, monitor: str, mode: str
    ) -> dict[str, Any]:
        made = make(node, optimizer=optimizer, total_steps=total_steps)
        interval = "step" if takes(target, "total_steps") else "epoch"
        return {"scheduler": made, "interval": interval, "monitor": monitor, "strict": False}

    return schedule


def build_reranker(config: Root, facts: Facts) -> Reranker:
    """Return the reranker, which reorders the first items of each ranking.

    Raises:
        ConfigError: it reads vectors of items, and the model has none.
    """
    reranker: Reranker = make(config.rerank, **vars(facts))
    check_vectors(reranker, config)
    return reranker


def check_vectors(reranker: Reranker, config: Root) -> None:
    """Refuse a reranker that reads vectors of items for a model that has none.

    Raises:
        ConfigError: it does, and the model hasn't.
    """
    if not getattr(reranker, "reads_vectors", False):
        return
    if not is_trained(config):
        lacking = "this model"
    elif not getattr(locate(config.scorer), "has_vectors", True):
        lacking = f"scorer={locate(config.scorer).__name__}"
    else:
        return
    raise ConfigError(
        f"{type(reranker).__name__} compares the model's vectors of items, and {lacking} has none",
        where="rerank",
        todo="compare by a column of the items (similarity=genres), or choose another model",
    )


def build_list_metrics(config: Root) -> dict[str, ListMetric]:
    """Return the list metrics by name."""
    return {name: make(node) for name, node in (config.list_metric or {}).items()}


def build_gains(config: Root) -> dict[str, Gain]:
    """Return the ranking metrics by name."""
    return {name: make(node) for name, node in config.metric.items()}


@dataclass(frozen=True)
class Counted:
    """What was counted over all training events.

    Args:
        item_count_V: int64 (n_items + 1,), events of each item.
        rating_mean: None: there are no ratings.
        events: statistics by column.
    """

    item_count_V: np.ndarray
    rating_mean: float | None
    events: dict[str, EventFacts]


def gather_facts(store: SequenceStore, splits: Splits, *, events: bool = False) -> Facts:
    """Compute run-time facts from the training events; `events` adds column statistics."""
    return facts_of(store, splits, count(store, splits, events=events))


def count(store: SequenceStore, splits: Splits, *, events: bool = False) -> Counted:
    """Count over the training events; `events` adds column statistics.

    Of a share of a store, all processes count their own, and add it up.
    """
    count_V = np.zeros(store.n_items + 1, dtype=np.int64)
    rating, number = Fraction(0), 0
    step = 1 << 20  # sequences at once, to bound memory
    view = splits.train
    for first in range(0, len(view.user), step):
        index = view.take(np.arange(first, min(first + step, len(view)))).positions()
        count_V += np.bincount(store.item[index], minlength=store.n_items + 1)
        if store.rating is not None:
            known = store.rating[index].astype(np.float64)
            known = known[~np.isnan(known)]  # the events of an update's log have none
            rating, number = rating + exact_sum(known), number + len(known)
    mean = None if store.rating is None else _mean(rating, number, store.peers)
    return Counted(store.peers.add(count_V), mean, _event_facts(store, view) if events else {})


def facts_of(store: SequenceStore, splits: Splits, counted: Counted) -> Facts:
    """Return run-time facts, of which those that few components need are computed on demand.

    These are asked of all processes that share the store, so all have to build the same components.
    """
    _, view = splits.train.within(store.own)
    return Facts(
        n_items=store.n_items,
        n_users=store.n_users,
        item_count_V=torch.from_numpy(counted.item_count_V),
        rating_mean=counted.rating_mean,
        items=store.items,
        own_items=partial(_own_items, store.own, view),
        similar=partial(_similar, store.own, view),
        events=counted.events,
        users=store.users,
    )


def _own_items(store: SequenceStore, view: View) -> torch.Tensor:
    """Return the pairs of a user and an item in the training events, each once, as numbers."""
    user = np.repeat(view.user + store.first_user, view.end - view.start)
    own = np.unique(user * (store.n_items + 1) + store.item[view.positions()])
    return torch.from_numpy(np.concatenate(store.peers.gather(own)))


def _similar(store: SequenceStore, view: View, most: int) -> torch.Tensor:
    """Return the items that share the most users with each, of the training events."""
    return similar_items(Training.of(store, view).of_all(store.peers), most)


def _event_facts(store: SequenceStore, view: View) -> dict[str, EventFacts]:
    """Return statistics of the training events by column."""
    facts: dict[str, EventFacts] = {}
    index = view.positions()
    numbers = {} if store.rating is None else {"rating": store.rating}
    numbers |= {k: v for k, v in store.context.items() if k not in store.categories}
    for name, values in numbers.items():
        known = squashed(torch.from_numpy(values[index]).double()).numpy()
        known = known[~np.isnan(known)]
        mean = _mean(exact_sum(known), len(known), store.peers)
        spread = _mean(exact_sum((known - mean) ** 2), len(known), store.peers) ** 0.5
        facts[name] = EventFacts(mean=mean, std=spread or 1.0)
    facts |= {name: EventFacts(categories=names) for name, names in store.categories.items()}
    return facts if store.timestamp is None else facts | {"timestamp": EventFacts()}


def _mean(total: Fraction, number: int, peers: Peers) -> float:
    """Return the mean of what all processes have, rounded once; 0 if there is nothing."""
    parts = peers.gather((total, number))
    all_of_them = sum(number for _, number in parts)
    return float(sum(total for total, _ in parts) / all_of_them) if all_of_them else 0.0
