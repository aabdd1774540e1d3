"""Evaluate a trained run again, from its folder."""

from pathlib import Path

import pytorch_lightning as lightning

from seqrec.build import build_source
from seqrec.config.schema import Root
from seqrec.errors import RunError
from seqrec.experiment.assemble import build_experiment
from seqrec.experiment.folder import RunFolder
from seqrec.experiment.hardware import find_hardware
from seqrec.experiment.module import Experiment
from seqrec.store.prepare import prepare


def rebuild(folder: RunFolder, config: Root) -> Experiment:
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


def evaluate(module: Experiment, *, split: str, accelerator: str = "auto") -> dict[str, float]:
    """Metrics of the ``test`` or ``valid`` events, keyed like ``metrics.json``."""
    hardware = find_hardware(accelerator, module.config.trainer.precision)
    trainer = lightning.Trainer(
        accelerator=accelerator,
        devices=1,
        precision=hardware.lightning_precision,  # type: ignore[arg-type]
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        enable_checkpointing=False,
    )
    if split == "test":
        trainer.test(module, verbose=False)
    else:
        trainer.validate(module, verbose=False)
    return module.results
