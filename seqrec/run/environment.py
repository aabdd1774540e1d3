"""The environment of a run: what its result depends on besides the configuration."""

import hashlib
import platform
from functools import cache
from importlib.metadata import Distribution, PackageNotFoundError, distributions, version
from pathlib import Path
from typing import Any

import torch

from seqrec import __version__
from seqrec.home import PROJECT
from seqrec.run.code import describe_code

PACKAGES = ("torch", "pytorch-lightning", "torchmetrics", "numpy", "polars", "hydra-core", "wandb")


def describe_environment() -> dict[str, Any]:
    """Describe versions, code and machine as plain values."""
    return {
        "seqrec": __version__,
        "python": platform.python_version(),
        "packages": {name: _version(name) for name in PACKAGES},
        **describe_code(),
        "lock_sha256": _sha256(PROJECT / "requirements.lock"),
        "installed_sha256": _installed(),
        "platform": platform.platform(),
        "threads": torch.get_num_threads(),
    }


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


@cache
def _installed() -> str:
    """Hash the names and versions of all installed packages."""
    pins = {_pin(distribution) for distribution in distributions()}
    return hashlib.sha256("\n".join(sorted(pins)).encode()).hexdigest()


def _pin(distribution: Distribution) -> str:
    """Return ``name==version``, from the head: parsing all metadata takes ten times as long."""
    text = distribution.read_text("METADATA") or distribution.read_text("PKG-INFO") or ""
    head = reversed(text.partition("\n\n")[0].splitlines())  # the first of equal names counts
    fields = dict(line.partition(": ")[::2] for line in head)
    return f"{fields.get('Name')}=={fields.get('Version')}".lower()


def _sha256(path: Path) -> str | None:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else None
