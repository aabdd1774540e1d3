"""Names of models, runs and jobs' folders."""

import re
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml
from omegaconf import OmegaConf

from seqrec.config.kinds import KINDS
from seqrec.config.meaning import key_of, naming
from seqrec.config.saved import Loader

PARTS = [kind.name for kind in KINDS if kind.names]
RECORDED = ("model", "data", "seed", "trainer")  # the name or the run's record has them already
LONGEST = 120  # characters in the name of a job's folder


def model_name(choices: Mapping[str, Any], folders: Iterable[Path]) -> str:
    """Return the name of the model of a run.

    A baseline is named after its option, a model after its file in ``configs/model``. If the
    encoder or head differs from the file's choice, the name is ``<encoder>_<head>``.

    Args:
        choices: chosen option of every group.
        folders: configuration folders; the first that has the model's file counts.
    """
    if choices.get("baseline"):
        return str(choices["baseline"])
    own = _chosen_by_file(f"model/{choices.get('model')}.yaml", folders)
    if own is not None and all(choices.get(p) == own.get(p, choices.get(p)) for p in PARTS):
        return str(choices["model"])
    return _of_parts(choices)


def run_name(choices: Mapping[str, Any], overrides: Iterable[str], *, seed: int) -> str:
    """Return a readable name of a run: its model, its other overrides, its seed.

    Args:
        choices: chosen option of every group; for ``model`` what :func:`model_name` returned.
        overrides: those of the command line.
        seed: seed of the run.
    """
    left_out = {*RECORDED, *(PARTS if is_named_by_parts(choices) else ())}
    typed = [each for each in naming(overrides) if key_of(each) not in left_out]
    return " ".join([str(choices["model"]), *typed, f"seed={seed}"])


def folder_name(overrides: Iterable[str], varied: Collection[str] | None = None) -> str:
    """Return a short folder name that needs no quotes in a shell or in an override.

    Args:
        overrides: those of a job.
        varied: the keys that distinguish it from the other jobs; None: not known.
    """
    if varied is None:
        chosen = sorted(naming(overrides))
    else:
        chosen = [each for each in overrides if key_of(each) in varied]
    return re.sub(r"[^\w.+-]+", "-", "_".join(chosen))[:LONGEST]


def config_folders(hydra: Any) -> list[Path]:
    """Return the folders that Hydra composed from, in its search order."""
    return _folders(hydra.runtime.config_sources)


def _folders(sources: Any) -> list[Path]:
    return [Path(source.path) for source in sources if source.schema == "file"]


def is_named_by_parts(choices: Mapping[str, Any]) -> bool:
    """Return whether the model is named after its components instead of a file."""
    return choices.get("model") == _of_parts(choices)


def _of_parts(choices: Mapping[str, Any]) -> str:
    return "_".join(str(choices.get(part)) for part in PARTS)


def _chosen_by_file(name: str, folders: Iterable[Path]) -> dict[str, Any] | None:
    """Return the options that a file's defaults list chooses; None if there is no such file."""
    file = next((folder / name for folder in folders if (folder / name).is_file()), None)
    if file is None:
        return None
    listed = yaml.load(file.read_bytes(), Loader)
    entries = listed.get("defaults", []) if isinstance(listed, dict) else []
    pairs = [pair for entry in entries if isinstance(entry, dict) for pair in entry.items()]
    return {str(key).removeprefix("override").strip().lstrip("/"): value for key, value in pairs}


# at import: processes that a launcher starts have only what they unpickle
OmegaConf.register_new_resolver("folder_name", folder_name, replace=True)
OmegaConf.register_new_resolver(
    "model_name", lambda choices, sources: model_name(choices, _folders(sources)), replace=True
)
