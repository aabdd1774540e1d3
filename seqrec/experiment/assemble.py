"""Assembly of an experiment's parts over prepared sequences."""

from functools import partial
from typing import Any

from seqrec.build import (
    build_baseline,
    build_gains,
    build_list_metrics,
    build_loss,
    build_model,
    build_negatives,
    build_objective,
    build_optimizer,
    build_reranker,
    build_scheduler,
    gather_facts,
    locate,
    make,
)
from seqrec.config.schema import Combine, Ensemble, Root
from seqrec.ensemble.model import EnsembleModel
from seqrec.errors import ConfigError
from seqrec.evaluation.task import Task
from seqrec.facts import Facts
from seqrec.layers.shard import Shard
from seqrec.model import BaselineModel, SequenceModel
from seqrec.recommend.built import built_model, combined
from seqrec.recommend.finished import read_finished
from seqrec.run.checkpoints import read_checkpoint
from seqrec.run.folder import RunFolder
from seqrec.store.steps import costliest
from seqrec.store.store import SequenceStore
from seqrec.store.views import Splits
from seqrec.training.combining import EnsembleModule
from seqrec.training.counting import BaselineModule
from seqrec.training.module import TrainedModule

Experiment = TrainedModule | BaselineModule | EnsembleModule


def build_experiment(
    config: Root,
    store: SequenceStore,
    folder: RunFolder | None = None,
    *,
    splits: Splits | None = None,
    facts: Facts | None = None,
    shard: Shard | None = None,
) -> Experiment:
    """Build the module to train, to count or to combine, over prepared sequences.

    Args:
        config: the configuration.
        store: the sequences.
        folder: that of the finished run which is built again; None: of a new one.
        splits: of the store; None: as the configuration splits it.
        facts: of the data; None: counted from the training events.
        shard: the rows that this process has of the item table; None: all.

    Raises:
        ConfigError: a component refuses its values, or lists would be longer than the catalogue.
        RunError: a run that the configuration names isn't one that it can use.
        DataError: the split leaves nothing to train or evaluate on.
    """
    longest = max(config.evaluation.ks)
    if longest > store.n_items:
        lost = costliest(store.report["steps"], "items")
        raise ConfigError(
            f"lists of {longest} items are asked for, but {store.name} has {store.n_items} items"
            + (f"; {lost}" if lost else ""),
            where="evaluation.ks",
            todo=f"set evaluation.ks to lengths up to {store.n_items}"
            + (f", or relax {lost.split()[0]}" if lost else ""),
        )
    splits = make(config.split)(store) if splits is None else splits
    if facts is None:
        facts = gather_facts(store, splits, events=reads_events(config))
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
        return BaselineModule(model=build_baseline(config, facts), **judged)
    if config.ensemble is not None:
        return _combined(config, config.ensemble, store, folder, judged)
    sparse = locate(config.loss).needs_negatives and getattr(
        locate(config.optimizer), "needs_sparse_gradients", False
    )
    model = build_model(config, facts, sparse=sparse, shard=shard)
    _check_wanted(model, facts, store)
    if config.trainer.compile:
        model.compile(dynamic=True)
    loss, negatives = build_loss(config, facts), build_negatives(config, facts)
    teacher = make(config.teacher, **vars(facts)) if config.teacher else None
    given: dict[str, Any] = {"loss": loss, "negatives": negatives, "teacher": teacher}
    return TrainedModule(
        model=model,
        window=make(config.window, **vars(facts)),
        augment=make(config.augment, **vars(facts)),
        objective=build_objective(config, facts, **given),
        optimizer=partial(build_optimizer, config),
        scheduler=build_scheduler(config),
        update=make(config.update) if config.update else None,
        **given,
        **judged,
    )


def whole_module(module: Experiment, folder: RunFolder) -> Experiment:
    """Return the judged module with its whole table, on the CPU: one process describes the lists.

    The others have ended, so a module with a shard can answer no more.
    """
    made = build_experiment(module.config, module.store)
    made.load_state_dict(read_checkpoint(folder.best, mmap=True)["state_dict"])
    made.tested, made.results = module.tested, module.results
    return made


def _combined(
    config: Root,
    settings: Ensemble,
    store: SequenceStore,
    folder: RunFolder | None,
    judged: dict[str, Any],
) -> EnsembleModule:
    """Return the ensemble of the runs that `settings` names, or that of a finished run."""
    if folder is not None:
        return EnsembleModule(
            runs=None, model=built_model(folder, config, judged["facts"]), **judged
        )
    key = "ensemble.runs"
    runs = [read_finished(place, config, store, where=key) for place in settings.runs]
    members: list[SequenceModel | BaselineModel] = []
    for run in runs:
        named = f"{key}={run.folder.path}"
        if isinstance(run.model, EnsembleModel):
            raise ConfigError("an ensemble can't hold another", where=named, todo="name its runs")
        counted = isinstance(run.model, BaselineModel)
        if counted and settings.combine is Combine.log_probabilities:
            raise ConfigError(
                "a baseline's scores aren't logarithms of probabilities",
                where=named,
                todo="set ensemble.combine=standardised",
            )
        if run.config.max_length > config.max_length:
            raise ConfigError(
                f"the run sees {run.config.max_length} events of a history",
                where=named,
                todo=f"set max_length={run.config.max_length}",
            )
        members.append(run.model)
    model = combined(members, [run.config for run in runs], settings)
    return EnsembleModule(runs=[run.folder for run in runs], model=model, **judged)


def reads_events(config: Root) -> bool:
    """Return whether the model may read more of the events than their items."""
    if config.context is not None or config.encoder is None:
        return config.context is not None
    kind = locate(config.encoder)
    by_key = getattr(kind, "wanted_by", ())
    return bool(getattr(kind, "wanted", ())) or any(config.encoder.get(key) for key in by_key)


def _check_wanted(model: SequenceModel, facts: Facts, store: SequenceStore) -> None:
    """Refuse a model that reads event columns which the data doesn't have."""
    missing = [name for name in model.wanted if name not in facts.events]
    if missing:
        raise ConfigError(
            f"it reads the event columns {', '.join(missing)}, but {store.name} has "
            f"{', '.join(facts.events) or 'only items'}",
            where=f"encoder={type(model.encoder).__name__}",
            todo="choose another encoder, or data with these columns",
        )
