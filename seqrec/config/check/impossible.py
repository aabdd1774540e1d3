"""Check values that no run can have, whatever the data."""

import math
import re
from collections.abc import Iterator
from typing import Any

from seqrec.config.check.components import components
from seqrec.machine.writable import is_elsewhere

WIDE = 1 << 16  # the largest width of vectors: a layer of that width alone has 17 GB of weights
WIDTHS = ("embedding", "context", "encoder", "head", "scorer", "adapter")  # they pass vectors on
DEVICES = re.compile(r"auto|-1|[1-9]\d*|\d+(,\d+)+|\d+,")


def impossible(config: dict[str, Any]) -> Iterator[str]:
    """Describe each value that can't work."""
    yield from _infinite(config)
    yield from _widths(config)
    devices = config.get("trainer", {}).get("devices")
    if not _are_devices(devices):
        yield f"trainer.devices={devices}: must be auto, a number of at least 1, or [0,1]"
    for name, path in config.get("paths", {}).items():
        if isinstance(path, str) and not path.strip():
            yield f"paths.{name} is empty: name a folder (. is the current one)"
        if isinstance(path, str) and is_elsewhere(path):
            yield f"paths.{name}={path} is a URL: name a folder, and copy what lies there yourself"


def _infinite(node: Any, path: str = "") -> Iterator[str]:
    inner = node.items() if isinstance(node, dict) else enumerate(node)
    for key, value in inner:
        at = f"{path}.{key}" if path else str(key)
        if isinstance(value, dict | list):
            yield from _infinite(value, at)
        elif isinstance(value, float) and not math.isfinite(value):
            yield f"{at}={value}: must be a finite number"


def _widths(config: dict[str, Any]) -> Iterator[str]:
    """Compare the widths of this package's components, whose vectors are added and multiplied."""
    widths = {
        f"{path}.dim": node["dim"]
        for path, node in components({kind: config.get(kind) or {} for kind in WIDTHS})
        if path in WIDTHS and node["_target_"].startswith("seqrec.") and _is_int(node.get("dim"))
    }
    large = {path: width for path, width in {"dim": config.get("dim"), **widths}.items()
             if _is_int(width) and width > WIDE}  # fmt: skip
    if large:
        path, width = next(iter(large.items()))
        yield f"{path}={width}: must be at most {WIDE}"
    elif len(set(widths.values())) > 1:
        told = ", ".join(f"{path}={width}" for path, width in widths.items())
        yield f"{told}: these widths must be equal; set dim= for all of them"


def _are_devices(devices: Any) -> bool:
    if isinstance(devices, list):
        return bool(devices) and all(_is_int(each) and each >= 0 for each in devices)
    if isinstance(devices, str):
        return DEVICES.fullmatch(devices) is not None
    return devices is None or (_is_int(devices) and (devices >= 1 or devices == -1))


def _is_int(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
