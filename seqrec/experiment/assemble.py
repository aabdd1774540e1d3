"""The parts of an experiment put together, over prepared sequences."""

from seqrec.build import build_gains, build_loss, build_model, gather_facts, make
from seqrec.config.schema import Root
from seqrec.experiment.module import Experiment
from seqrec.store.store import SequenceStore


def build_experiment(config: Root, store: SequenceStore) -> Experiment:
    """Everything there is to train, over prepared sequences."""
    splits = make(config.split)(store)
    facts = gather_facts(store, splits)
    known = vars(facts)
    return Experiment(
        model=build_model(config, facts),
        loss=build_loss(config, facts),
        negatives=make(config.negatives, **known),
        optimizer=lambda parameters: make(config.optimizer, params=parameters),
        scheduler=make(config.scheduler),
        gains=build_gains(config),
        store=store,
        splits=splits,
        config=config,
        facts=facts,
    )
