"""Instantiation of components from the configuration; no other file instantiates any.

Run-time facts (catalogue size, item counts, mean rating) enter here, once: a component receives
each fact that it has a parameter for.
"""

import inspect
from functools import partial
from importlib import import_module
from typing import Any

from seqrec.config.check.components import INSTRUCTIONS
from seqrec.config.schema import Component
from seqrec.errors import ConfigError


def make(node: Component | None, **facts: Any) -> Any:
    """Call the node's ``_target_`` with its keys and with the facts it has parameters for.

    Nested nodes, in dicts and lists too, are built first in the same way. With ``_partial_: true``
    the result is a function that takes the missing arguments.

    Raises:
        ConfigError: the component, or a nested one, rejects its values.
    """
    assert node is not None, "a missing component should have been caught by the checks"
    values = {key: _built(value, facts) for key, value in node.items() if key not in INSTRUCTIONS}
    target = locate(node)
    given = {k: v for k, v in facts.items() if k not in values and takes(target, k)}
    if node.get("_partial_"):
        return partial(target, **given, **values)
    try:
        return target(**given, **values)
    except ValueError as error:
        raise ConfigError(str(error), where=node["_target_"]) from error


def _built(value: Any, facts: dict[str, Any]) -> Any:
    """Return the value with all its nodes built; facts are passed on as they are."""
    if isinstance(value, list):
        return [_built(each, facts) for each in value]
    if isinstance(value, dict) and "_target_" in value:
        return make(value, **facts)
    if isinstance(value, dict):
        return {key: _built(each, facts) for key, each in value.items()}
    return value


def takes(target: Any, name: str) -> bool:
    """Return whether a class or function has a parameter called `name`."""
    return name in inspect.signature(target).parameters


def locate(node: Component | None) -> Any:
    """Return the class or function a node names."""
    assert node is not None, "a missing component should have been caught by the checks"
    module, _, name = node["_target_"].rpartition(".")
    return getattr(import_module(module), name)
