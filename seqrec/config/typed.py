"""A configuration with types, from plain values and back."""

from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from enum import Enum
from functools import cache
from typing import Any

from omegaconf import DictConfig, OmegaConf

from seqrec.config.schema import Root


def typed(config: Any) -> Root:
    """Convert a plain or composed configuration to the typed root."""
    if not OmegaConf.is_config(config) or OmegaConf.get_type(config) is not Root:
        config = OmegaConf.merge(_schema(), config)
    root = OmegaConf.to_object(config)
    assert isinstance(root, Root)
    return root


def plain_values(config: Root) -> dict[str, Any]:
    """Convert the typed root to plain values: dicts, lists, numbers and texts, enums by name."""
    return {field.name: _plain(getattr(config, field.name)) for field in fields(config)}


@cache
def _schema() -> DictConfig:
    """Return what plain values are merged into, which copies it."""
    return OmegaConf.structured(Root)


def _plain(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.name
    if is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_plain(each) for each in value]
    return value
