"""A configuration with types, from plain values and back."""

from typing import Any

from omegaconf import OmegaConf

from seqrec.config.schema import Root


def typed(config: Any) -> Root:
    """Convert a plain or composed configuration to the typed root."""
    merged = OmegaConf.merge(OmegaConf.structured(Root), config)
    root = OmegaConf.to_object(merged)
    assert isinstance(root, Root)
    return root


def plain_values(config: Root) -> dict[str, Any]:
    """Convert the typed root to resolved plain values."""
    container = OmegaConf.to_container(OmegaConf.structured(config), resolve=True, enum_to_str=True)
    assert isinstance(container, dict)
    return {str(key): value for key, value in container.items()}
