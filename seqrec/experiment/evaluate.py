"""Evaluate a trained run again, from its folder."""

from pathlib import Path

from seqrec.build import build_source
from seqrec.config.schema import Root, Trainer
from seqrec.errors import ConfigError, RunError
from seqrec.experiment.assemble import build_experiment
from seqrec.experiment.determinism import choose_algorithms
from seqrec.experiment.evaluated import Evaluated
from seqrec.experiment.folder import RunFolder
from seqrec.experiment.hardware import Hardware, find_hardware
from seqrec.experiment.trainer import evaluating_trainer
from seqrec.store.prepare import prepare


def rebuild(folder: RunFolder, config: Root) -> Evaluated:
    """The run's module with its best weights, over its data.

    Raises:
        RunError: the data isn't what the run was trained on.
    """
    known = folder.about()
    store = prepare(build_source(config), config.prepare, Path(config.paths.cache_dir))
    if store.data_hash != known["data_hash"]:
        raise RunError(
            "the data isn't what the run was trained on",
            where=f"{known['data_hash'][:12]} then, {store.data_hash[:12]} now ({store.name})",
            todo="bring the same raw files back, or train a new run",
        )
    module = build_experiment(config, store)
    module.load_state_dict(folder.weights())
    return module


def choose_hardware(folder: RunFolder, accelerator: str, precision: str) -> Hardware:
    """Where to evaluate, and how precisely.

    ``auto`` is the run's own precision, so that its numbers come again, where the device has it;
    elsewhere (bf16 on many CPUs) the best that the device has.

    Raises:
        ConfigError: the device or the precision that is asked for can't be had.
    """
    if precision != "auto":
        return find_hardware(accelerator, precision)
    best = find_hardware(accelerator, "auto")
    try:
        return find_hardware(accelerator, folder.about()["precision"])
    except ConfigError:
        return best


def evaluate(module: Evaluated, *, split: str, hardware: Hardware) -> dict[str, float]:
    """Metrics of the ``test`` or ``valid`` events, keyed like ``metrics.json``."""
    deterministic = module.config.trainer.deterministic
    choose_algorithms(deterministic=deterministic)
    device = Trainer(accelerator=hardware.kind, devices=1, deterministic=deterministic)
    trainer = evaluating_trainer(device, hardware)
    if split == "test":
        trainer.test(module, verbose=False)
    else:
        trainer.validate(module, verbose=False)
    return module.results
