"""What an unknown key of the command line was probably meant to be."""

from collections.abc import Mapping, Set
from typing import Any

from omegaconf import DictConfig

from seqrec.config.check.components import is_instruction, settable_keys
from seqrec.config.check.meant import meant
from seqrec.config.check.mistakes import unknown
from seqrec.config.compose import value_keys


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
    target = node.get("_target_") if isinstance(node, DictConfig) else None
    settable = set(settable_keys(target, path))
    if parts[0] in settable and len(parts) == 1:
        return f"the component takes it, but its file doesn't set it: write +{key}=..."
    if not path and "." not in key:
        known |= further
    group, keys = path.removesuffix("."), list(value_keys(config))
    return unknown(
        parts[-1] if meant(parts[-1], (), keys=keys) else parts[0],
        known | settable,
        prefix=path,
        noun=f"allowed by {group}={choices[group]}" if group in choices else "allowed",
        keys=keys,
    )
