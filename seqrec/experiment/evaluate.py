"""Evaluation of a trained run, from its folder."""

from typing import Any

from omegaconf import OmegaConf

from seqrec.config.check.mistakes import refuse, unknown
from seqrec.config.schema import Root, Trainer
from seqrec.config.typed import plain_values, typed
from seqrec.errors import ConfigError
from seqrec.evaluation.noise import Way, evaluate_with_noise
from seqrec.experiment.assemble import build_experiment
from seqrec.machine.determinism import choose_algorithms
from seqrec.machine.hardware import Hardware
from seqrec.model import SequenceModel
from seqrec.recommend.built import built_from
from seqrec.recommend.data import find_data
from seqrec.recommend.load import load_weights
from seqrec.run.folder import RunFolder
from seqrec.terminal.console import console
from seqrec.training.evaluated import EvaluatedModule
from seqrec.training.trainer import evaluating_trainer


def rebuild(folder: RunFolder, config: Root) -> EvaluatedModule:
    """Build the run's module with its best weights, over its data.

    Raises:
        RunError: the data isn't what the run was trained on, or the folder is damaged.
    """
    store = find_data(folder, config)
    with built_from(folder):
        module = build_experiment(config, store, folder)
    load_weights(module, folder.weights(), folder)
    return module


def relocated(config: Root, where: list[str] | None) -> Root:
    """Return the configuration of a run whose data or cache has moved.

    Args:
        config: the run's configuration.
        where: ``data.KEY=VALUE`` and ``paths.KEY=VALUE``, for keys that the run has.

    Raises:
        ConfigError: it names another key.
    """
    values = plain_values(config)
    mistakes = []
    for given in where or []:
        key, equals, _ = given.partition("=")
        group, _, name = key.partition(".")
        if not equals or group not in ("data", "paths") or name not in values[group]:
            parts = ("data", "paths")
            keys = [f"{part}.{k}" for part in parts for k in values[part] if k[0] != "_"]
            mistakes.append(f"where: {given}: {unknown(key, keys)}")
    refuse(mistakes, todo="where='[data.path=orders.csv, paths.cache_dir=FOLDER]'")
    return typed(OmegaConf.merge(values, OmegaConf.from_dotlist(where or [])))


def evaluate_noisy(
    module: EvaluatedModule, *, split: str, hardware: Hardware, size: float, way: Way
) -> dict[str, float]:
    """Return the metrics of events with noisy vectors; see :mod:`seqrec.evaluation.noise`.

    Raises:
        ConfigError: the run is a baseline, or its scorer has no vectors.
    """
    model = module.model
    if not isinstance(model, SequenceModel):
        raise ConfigError(
            "a baseline or an ensemble has no vectors that noise could move",
            where="noise",
            todo="leave noise out, or name the run of one trained model",
        )
    choose_algorithms(deterministic=module.config.trainer.deterministic)
    module.to(hardware.kind)
    view = module.splits.test if split == "test" else module.splits.valid
    batches = (batch.to(module.device) for batch in module.eval_batches(view))
    options: dict[str, Any] = {"size": size, "way": way, "loss": module.loss}
    return evaluate_with_noise(model, module.judge, batches, **options)


def evaluate(module: EvaluatedModule, *, split: str, hardware: Hardware) -> dict[str, float]:
    """Return the metrics of the ``test`` or ``valid`` events by name, ranked in float32."""
    deterministic = module.config.trainer.deterministic
    choose_algorithms(deterministic=deterministic)
    device = Trainer(accelerator=hardware.kind, devices=1, deterministic=deterministic)
    trainer = evaluating_trainer(device, console())
    if split == "test":
        trainer.test(module, verbose=False)
        return module.results | module.conclude().test
    trainer.validate(module, verbose=False)
    return module.results
