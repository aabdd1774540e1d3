"""Check every component's keys against the signature of its ``_target_``; report all mistakes."""

import json
from collections.abc import Iterator
from typing import Any

from seqrec.config.check.fit import describe, fits
from seqrec.config.check.mistakes import unknown
from seqrec.config.check.signature import Parameter, Signature, read_signature
from seqrec.config.check.source import TargetError

INSTRUCTIONS = ("_target_", "_partial_")  # keys that control building and aren't parameters
MISSING = "???"  # OmegaConf's, which isn't loaded for it
DATA_FACTS = frozenset(read_signature("seqrec.facts.Facts").parameters)
BUILT_WITH = {  # what a component of a kind is built with, besides its keys; by default DATA_FACTS
    **dict.fromkeys(
        ("embedding", "context", "encoder", "head", "scorer"),
        DATA_FACTS | {"sparse", "further", "shard"},
    ),
    **dict.fromkeys(
        ("data", "split", "metric", "list_metric", "logger", "trainer"), frozenset[str]()
    ),
    "objective": DATA_FACTS | {"loss", "negatives", "teacher"},
    "optimizer": frozenset({"params"}),
    "scheduler": frozenset({"optimizer", "total_steps"}),
}


def component_mistakes(config: dict[str, Any]) -> Iterator[str]:
    """Describe each key that doesn't fit the signature of its target, by path."""
    for path, node in components(config):
        target = node["_target_"]
        try:
            yield from _bind(path, node, read_signature(target))
        except TargetError as error:
            yield f"{path}._target_: {target} doesn't exist: {error}"


def components(node: Any, path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield (path, node) of every dict with a ``_target_``, including nested ones."""
    if isinstance(node, dict) and isinstance(node.get("_target_"), str):
        yield path, node
    inner = node.items() if isinstance(node, dict) else enumerate(node)
    for key, value in inner:
        if isinstance(value, dict | list):
            yield from components(value, f"{path}.{key}" if path else str(key))


def allowed_keys(signature: Signature, path: str) -> list[str]:
    """Return the parameters that a configuration may set for the component at `path`."""
    return [name for name in signature.parameters if not _is_fact(name, signature, path)]


def settable_keys(target: Any, path: str) -> list[str]:
    """Return :func:`allowed_keys` of the class that `target` names; none if it names no class."""
    try:
        return allowed_keys(read_signature(target), path) if isinstance(target, str) else []
    except TargetError:
        return []


def is_instruction(key: str) -> bool:
    """Return whether a key controls building and isn't a parameter of the component."""
    return key.startswith("_") and key.endswith("_")


def _bind(path: str, node: dict[str, Any], signature: Signature) -> Iterator[str]:
    allowed = allowed_keys(signature, path)
    for key, value in node.items():
        parameter = signature.parameters.get(key)
        if is_instruction(key):
            if key not in INSTRUCTIONS:
                yield f"{path}.{key}: {unknown(key, INSTRUCTIONS, prefix=f'{path}.')}"
        elif _is_fact(key, signature, path):
            yield f"{path}.{key}: is set when the component is built; leave it out"
        elif parameter is None and not signature.open:
            yield f"{path}.{key}: {unknown(key, allowed, prefix=f'{path}.')}"
        elif parameter is not None and not _fits(value, parameter):
            kind = describe(parameter.annotation, parameter.scope)
            yield f"{path}.{key}: {_show(value)} isn't {kind}"
    if not node.get("_partial_"):
        for name in allowed:
            if signature.parameters[name].required and name not in node:
                yield f"{path}.{name}: must be given (+{path}.{name}=...)"


def _is_fact(name: str, signature: Signature, path: str) -> bool:
    facts = BUILT_WITH.get(path.partition(".")[0], DATA_FACTS)
    parameter = signature.parameters.get(name)
    return name in facts and parameter is not None and parameter.required


def _fits(value: Any, parameter: Parameter) -> bool:
    return value == MISSING or fits(value, parameter.annotation, parameter.scope)


def _show(value: Any) -> str:
    """Return a value as it is written in YAML."""
    return repr(value) if isinstance(value, str) else json.dumps(value, default=str)
