"""Read the configuration of a run from its folder; nothing else reads one."""

import re
from pathlib import Path
from typing import Any, ClassVar

import yaml

from seqrec.config.trust import Trust
from seqrec.disk.manifest import read_checked
from seqrec.errors import RunError

MEND = (
    "train the run again, or copy its folder again; if you changed the file yourself, delete "
    "manifest.json beside it"
)
SAFE = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # written in C: ten times as fast


class Loader(SAFE):  # type: ignore[misc,valid-type]
    """YAML's safe loader, reading as OmegaConf does: ``1e-3`` is a number, a date is text."""

    yaml_implicit_resolvers: ClassVar = {
        first: [(tag, form) for tag, form in known if not tag.endswith(":timestamp")]
        for first, known in SAFE.yaml_implicit_resolvers.items()
    }


Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"[-+]?\d[\d_]*(?:\.[\d_]*)?[eE][-+]?\d+$"),
    list("-+0123456789"),
)


def read_saved(file: Path, trust: Trust) -> dict[str, Any]:
    """Return the plain values of a run's ``config.yaml``.

    Nothing is resolved: an interpolation, which could read the environment, is refused.

    Args:
        file: the ``config.yaml``.
        trust: what it may name.

    Raises:
        RunError: the file is missing, damaged or not as the run wrote it, has interpolations, or
            names what it may not.
    """
    try:
        config = yaml.load(read_checked(file), Loader)
        leaves = _flat(config)
    except (OSError, yaml.YAMLError, ValueError, RecursionError) as error:
        raise _damaged(file, str(error).strip().partition("\n")[0]) from error
    if not isinstance(config, dict):
        raise _damaged(file)
    for key, value in leaves:
        if "${" in key or (isinstance(value, str) and "${" in value):
            raise _damaged(file, f"{key} is an interpolation; only plain values are allowed")
    trust.check(config, file)
    return config


def read_overrides(folder: Path) -> list[str]:
    """Return the overrides that Hydra recorded for a job; none without a record."""
    file = folder / ".hydra" / "overrides.yaml"
    try:
        overrides = yaml.load(file.read_bytes(), Loader)
    except (OSError, yaml.YAMLError, ValueError, RecursionError):
        return []
    return [str(each) for each in overrides] if isinstance(overrides, list) else []


def _flat(node: Any, path: str = "") -> list[tuple[str, Any]]:
    if isinstance(node, dict | list):
        pairs = node.items() if isinstance(node, dict) else enumerate(node)
        return [
            leaf
            for key, value in pairs
            for leaf in _flat(value, f"{path}.{key}" if path else str(key))
        ]
    return [(path, node)]


def _damaged(file: Path, reason: str | None = None) -> RunError:
    return RunError(
        f"{file.name} can't be read: {reason}" if reason else f"{file.name} isn't that of a run",
        where=str(file.parent),
        todo=MEND,
    )
