"""Setup of a run as in ``train.py``, up to the point where training begins."""

from pathlib import Path
from typing import Any

from seqrec.build import build_source
from seqrec.config.compose import compose
from seqrec.config.schema import Root
from seqrec.config.typed import typed
from seqrec.errors import ConfigError
from seqrec.experiment.assemble import build_experiment
from seqrec.machine.hardware import find_hardware
from seqrec.store.prepare import prepare
from seqrec.training.module import TrainedModule
from seqrec.training.trainer import silence

LIST = 10  # items recommended to each user


def composed(overrides: list[str]) -> Root:
    """Compose the configuration of some overrides of ``train.py``."""
    return typed(compose(overrides).config)


def assembled(root: Root) -> TrainedModule:
    """Build the experiment over its prepared data."""
    silence()
    store = prepare(build_source(root), root.prepare, Path(root.paths.cache_dir))
    experiment = build_experiment(root, store)
    if not isinstance(experiment, TrainedModule):
        raise ConfigError(
            "this model isn't trained, so there is no training to measure", where="model"
        )
    experiment.inherit()
    return experiment


def describe_data(overrides: list[str]) -> dict[str, Any]:
    """Prepare the data, so that later processes don't have to, and describe it.

    Returns:
        ``name`` and ``data_hash``; ``users`` and ``items``; of an epoch: ``targets`` (positions
        with a training target), ``sequences``, ``batches`` and ``padding``, its share of all
        positions.
    """
    module = assembled(composed(overrides))
    epoch = module.epoch_batches(0)
    return {
        "name": module.store.name,
        "data_hash": module.store.data_hash,
        "users": module.store.n_users,
        "items": module.store.n_items,
        "targets": epoch.n_targets,
        "sequences": len(epoch.start),
        "batches": len(epoch),
        "padding": epoch.padding,
    }


def sizes(overrides: list[str]) -> dict[str, Any]:
    """Return what a peer needs to build the same model and the same batches.

    Raises:
        ConfigError: the hidden layer isn't as wide as the model, which peers don't support.
    """
    root = composed(overrides)
    encoder, optimizer = root.encoder or {}, root.optimizer or {}
    ffn = encoder.get("ffn", root.dim)
    if ffn != root.dim:
        raise ConfigError(
            f"encoder.ffn={ffn}, but the peers use dim={root.dim}", todo="leave encoder.ffn out"
        )
    return {
        "dim": root.dim,
        "layers": encoder.get("layers"),
        "heads": encoder.get("heads"),
        "ffn": ffn,
        "dropout": root.dropout,
        "length": root.max_length,
        "batch": root.batch.size,
        "eval_batch": root.batch.eval_size,
        "lr": optimizer["lr"],
        "precision": find_hardware("cpu", root.trainer.precision).precision,
        "k": LIST,
    }
