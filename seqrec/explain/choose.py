"""Explainers by name, with options from the command line."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from seqrec.build import make
from seqrec.config.check.components import component_mistakes
from seqrec.config.check.mistakes import refuse, unknown
from seqrec.config.check.ranges import out_of_range
from seqrec.config.saved import Loader
from seqrec.errors import ConfigError
from seqrec.home import CONFIGS
from seqrec.model import BaselineModel, SequenceModel
from seqrec.question import Explainer, able

Nodes = dict[str, dict[str, Any]]
KIND = "explainer"
NEEDED = {
    "vectors": "a model with vectors",
    "attention": "an encoder with attention",
    "inputs": "a head that reads inputs",
}


def names(folders: Iterable[Path] = ()) -> list[str]:
    """Return the names of all explainers, those below `folders` too."""
    return sorted(_files(folders))


def settings_of(
    wanted: Iterable[str], options: Mapping[str, str], *, folders: Iterable[Path] = ()
) -> Nodes:
    """Read explainers' YAML files, and set options.

    Args:
        wanted: their names.
        options: values of their keys, as texts: ``steps`` holds for every explainer that has the
            key, ``integrated_gradients.steps`` for one.
        folders: further folders that may hold ``explainer/<name>.yaml``.

    Raises:
        ConfigError: there is no such explainer, none has a key, or a value doesn't fit; it lists
            all mistakes.
    """
    files, wanted = _files(folders), list(dict.fromkeys(wanted))
    mistakes = [
        f"method={name}: {unknown(name, files, noun='methods')}"
        for name in wanted
        if name not in files
    ]
    nodes = {name: _read(files[name]) for name in wanted if name in files}
    for key, text in options.items():
        mistakes += _set(nodes, key, text)
    mistakes += component_mistakes({KIND: nodes})
    mistakes += out_of_range({KIND: nodes})
    refuse(
        [mistake.replace(f"{KIND}.", "") for mistake in mistakes],
        todo=f"keys and their meaning are in {CONFIGS.name}/{KIND}/<method>.yaml",
    )
    return nodes


def build(nodes: Nodes) -> dict[str, Explainer]:
    """Build explainers from their settings.

    Raises:
        ConfigError: one refuses its values.
    """
    return {name: _made(name, node) for name, node in nodes.items()}


def check_able(name: str, explainer: Explainer, model: SequenceModel | BaselineModel) -> None:
    """Refuse a model that lacks what an explainer needs.

    Raises:
        ConfigError: it does.
    """
    if able(model, explainer.needs):
        return
    what = NEEDED[explainer.needs]
    part = "head" if explainer.needs == "inputs" else "encoder"
    has = "a baseline" if isinstance(model, BaselineModel) else type(getattr(model, part)).__name__
    raise ConfigError(
        f"{name} needs {what}, and this run has {has}",
        where=f"method={name}",
        todo="choose one that asks any model: method=leave_one_out or method=shapley",
    )


def _files(folders: Iterable[Path]) -> dict[str, Path]:
    places = [CONFIGS, *folders]
    return {file.stem: file for place in places for file in sorted((place / KIND).glob("*.yaml"))}


def _read(file: Path) -> dict[str, Any]:
    node = yaml.load(file.read_text(), Loader)
    if not isinstance(node, dict) or "_target_" not in node:
        raise ConfigError("an explainer's file needs a _target_", where=str(file))
    return node


def _set(nodes: Nodes, key: str, text: str) -> list[str]:
    """Set a key of the nodes that have it; return what is wrong with it."""
    method, dot, name = key.rpartition(".")
    if dot and method not in nodes:
        return [f"{key}: {unknown(method, nodes, noun='chosen methods')}"]
    chosen = [nodes[method]] if dot else list(nodes.values())
    having = [node for node in chosen if name in node]
    if not having or name.startswith("_"):
        own = {each for node in chosen for each in node if not each.startswith("_")}
        return [f"{key}: {unknown(name, own, noun='keys of the chosen methods')}"]
    try:
        value = yaml.load(text, Loader)
    except yaml.YAMLError:
        return [f"{key}={text}: can't be read"]
    for node in having:
        node[name] = value
    return []


def _made(name: str, node: dict[str, Any]) -> Explainer:
    try:
        return make(node)
    except ConfigError as error:
        raise ConfigError(error.what, where=f"method={name}", todo=error.todo) from error
