"""Every component's keys against what its ``_target_`` takes. All mistakes, not the first."""

import json
from collections.abc import Iterator
from typing import Any

from omegaconf import MISSING

from seqrec.config.check.fit import describe, fits
from seqrec.config.check.mistakes import refuse, unknown
from seqrec.config.check.signature import Parameter, Signature, read_signature
from seqrec.config.check.source import TargetError

RUNTIME_FACTS = frozenset(
    {
        "n_items",
        "n_users",
        "events",
        "item_count_V",
        "rating_mean",
        "items",
        "sparse",
        "params",
        "optimizer",
        "loss",
        "negatives",
    }
    | {"total_steps"}
)  # parameters without default that are given when components are built


def check(config: dict[str, Any]) -> None:
    """Bind every component of a plain, resolved configuration to its signature.

    Raises:
        ConfigError: it lists all mistakes, each with its path in the configuration.
    """
    refuse(component_mistakes(config))


def component_mistakes(config: dict[str, Any]) -> Iterator[str]:
    """Describe what :func:`check` would refuse."""
    for path, node in components(config):
        target = node["_target_"]
        try:
            yield from _bind(path, node, read_signature(target))
        except TargetError as error:
            yield f"{path}._target_: {target} doesn't exist: {error}"


def components(node: Any, path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield (path, node) of every dict with a ``_target_``, nested ones too."""
    if isinstance(node, dict) and isinstance(node.get("_target_"), str):
        yield path, node
    inner = node.items() if isinstance(node, dict) else enumerate(node)
    for key, value in inner:
        if isinstance(value, dict | list):
            yield from components(value, f"{path}.{key}" if path else str(key))


def allowed_keys(signature: Signature) -> list[str]:
    """Return the parameters that a configuration may set."""
    return [name for name in signature.parameters if not _is_fact(name, signature)]


def is_instruction(key: str) -> bool:
    """``_target_``, ``_partial_`` and the like speak to Hydra, not to the component."""
    return key.startswith("_") and key.endswith("_")


def _bind(path: str, node: dict[str, Any], signature: Signature) -> Iterator[str]:
    allowed = allowed_keys(signature)
    for key, value in node.items():
        if is_instruction(key):
            continue
        parameter = signature.parameters.get(key)
        if _is_fact(key, signature):
            yield f"{path}.{key}: is known when the component is built, it can't be set"
        elif parameter is None and not signature.open:
            yield f"{path}.{key}: {unknown(key, allowed, prefix=f'{path}.')}"
        elif parameter is not None and not _fits(value, parameter):
            kind = describe(parameter.annotation, parameter.scope)
            yield f"{path}.{key}: {_show(value)} isn't {kind}"
    if not node.get("_partial_"):
        for name in allowed:
            if signature.parameters[name].required and name not in node:
                yield f"{path}.{name}: must be given (+{path}.{name}=...)"


def _is_fact(name: str, signature: Signature) -> bool:
    parameter = signature.parameters.get(name)
    return name in RUNTIME_FACTS and parameter is not None and parameter.required


def _fits(value: Any, parameter: Parameter) -> bool:
    if value == MISSING or (isinstance(value, dict) and "_target_" in value):
        return True  # told as missing; becomes an object before it is passed
    return fits(value, parameter.annotation, parameter.scope)


def _show(value: Any) -> str:
    """As it is written in YAML."""
    return repr(value) if isinstance(value, str) else json.dumps(value, default=str)
