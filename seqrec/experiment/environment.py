"""What a result depends on besides the configuration."""

import hashlib
import platform
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

from seqrec import __version__

PACKAGES = ("torch", "pytorch-lightning", "torchmetrics", "numpy", "polars", "hydra-core", "wandb")
PROJECT = Path(__file__).resolve().parents[2]


def describe_environment() -> dict[str, Any]:
    """Versions, code, machine and command line, as plain values."""
    return {
        "seqrec": __version__,
        "python": platform.python_version(),
        "packages": {name: _version(name) for name in PACKAGES},
        "git_sha": _git("rev-parse", "HEAD"),
        "git_dirty": bool(_git("status", "--porcelain", "--untracked-files=no")),
        "lock_sha256": _sha256(PROJECT / "requirements.lock"),
        "platform": platform.platform(),
        "threads": torch.get_num_threads(),
        "command": sys.argv,
    }


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _git(*arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", "-C", str(PROJECT), *arguments], capture_output=True, text=True, timeout=10
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def _sha256(path: Path) -> str | None:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else None
