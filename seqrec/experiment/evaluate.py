"""Evaluation of a trained run, from its folder."""

from omegaconf import OmegaConf

from seqrec.config.check.mistakes import refuse, unknown
from seqrec.config.schema import Root, Trainer
from seqrec.experiment.assemble import build_experiment
from seqrec.machine.determinism import choose_algorithms
from seqrec.machine.hardware import Hardware
from seqrec.recommend.built import built_from
from seqrec.recommend.data import find_data
from seqrec.recommend.load import load_weights
from seqrec.run.folder import RunFolder, to_values, typed
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
    values = to_values(config)
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
