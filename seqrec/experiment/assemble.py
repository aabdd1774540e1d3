"""The parts of an experiment put together, over prepared sequences."""

from typing import Any

from seqrec.build import (
    build_baseline,
    build_gains,
    build_list_metrics,
    build_loss,
    build_model,
    build_reranker,
    gather_facts,
    locate,
    make,
)
from seqrec.config.schema import Root
from seqrec.errors import ConfigError
from seqrec.evaluation.task import Task
from seqrec.store.store import SequenceStore
from seqrec.training.counting import Counting
from seqrec.training.module import Experiment


def build_experiment(config: Root, store: SequenceStore) -> Experiment | Counting:
    """Everything there is to train or to count, over prepared sequences.

    Raises:
        ConfigError: a component refuses its values, or lists would be longer than the catalogue.
        DataError: the split leaves nothing to train or judge on.
    """
    longest = max(config.evaluation.ks)
    if longest > store.n_items:
        raise ConfigError(
            f"lists of {longest} are asked for, and {store.name} has {store.n_items} items",
            where="evaluation.ks",
            todo=f"set evaluation.ks to lengths up to {store.n_items}",
        )
    splits = make(config.split)(store)
    facts = gather_facts(store, splits, events=config.context is not None)
    known = vars(facts)
    assert facts.item_count_V is not None
    judged: dict[str, Any] = {
        "task": Task.of(
            config,
            store,
            splits,
            item_count_V=facts.item_count_V,
            gains=build_gains(config),
            list_metrics=build_list_metrics(config),
        ),
        "config": config,
        "facts": facts,
        "reranker": build_reranker(config, facts),
    }
    if config.baseline is not None:
        return Counting(model=build_baseline(config, facts), **judged)
    sparse = locate(config.loss).needs_negatives and getattr(
        locate(config.optimizer), "needs_sparse_gradients", False
    )
    model = build_model(config, facts, sparse=sparse)
    if config.trainer.compile:
        model.compile(dynamic=True)
    return Experiment(
        model=model,
        window=make(config.window),
        loss=build_loss(config, facts),
        negatives=make(config.negatives, **known),
        optimizer=lambda parameters: make(config.optimizer, params=parameters),
        scheduler=make(config.scheduler),
        **judged,
    )
