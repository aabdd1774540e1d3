"""What an unknown key of the command line was probably meant to be."""

from collections.abc import Iterator, Mapping, Set
from typing import Any

from omegaconf import DictConfig, OmegaConf

from seqrec.config.check.components import allowed_keys, is_instruction
from seqrec.config.check.mistakes import unknown
from seqrec.config.check.signature import read_signature
from seqrec.config.check.source import TargetError


def unknown_key(config: DictConfig, key: str, choices: Mapping[str, Any], further: Set[str]) -> str:
    """Describe the unknown part of a key, and what was probably meant.

    Args:
        config: the composed configuration.
        key: with dots, as typed.
        choices: chosen option of every group.
        further: what may be typed besides the keys of `config`: groups, keys of the program.
    """
    node, path, parts = config, "", key.split(".")
    while isinstance(node, DictConfig) and parts[0] in node and len(parts) > 1:
        path, node, parts = f"{path}{parts[0]}.", node.get(parts[0]), parts[1:]
    names = map(str, node) if isinstance(node, DictConfig) else ()
    known = {name for name in names if not is_instruction(name)}
    settable = _settable(node, path)
    if parts[0] in settable and len(parts) == 1:
        return f"the component takes it, but its file doesn't set it: write +{key}=..."
    if not path and "." not in key:
        known |= further
    group = path.removesuffix(".")
    return unknown(
        parts[0],
        known | settable,
        prefix=path,
        noun=f"allowed by {group}={choices[group]}" if group in choices else "allowed",
        elsewhere=_same_name(config, parts[-1]),
    )


def _settable(node: Any, path: str) -> set[str]:
    if not isinstance(node, DictConfig) or not isinstance(node.get("_target_"), str):
        return set()
    try:
        return set(allowed_keys(read_signature(node._target_), path))
    except TargetError:
        return set()


def _same_name(node: DictConfig, name: str, path: str = "") -> Iterator[str]:
    """Yield the paths of all keys with this name."""
    for key in node:
        at = f"{path}.{key!s}" if path else str(key)
        if key == name:
            yield at
        unset = OmegaConf.is_missing(node, key) or OmegaConf.is_interpolation(node, str(key))
        inner = None if unset else node[key]
        if isinstance(inner, DictConfig):
            yield from _same_name(inner, name, at)
