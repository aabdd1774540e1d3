"""Profiles of a run's time, written to its folder."""

from pathlib import Path
from typing import Any

from pytorch_lightning.profilers import (
    AdvancedProfiler,
    Profiler,
    PyTorchProfiler,
    SimpleProfiler,
)

from seqrec.config.schema import Profile

TABLES = "*-profile.txt"  # one for training, one for the test


def build_profiler(kind: Profile | None, folder: Path) -> Profiler | None:
    """Return a profiler that writes tables to `folder` while Lightning trains and evaluates.

    Args:
        kind: ``simple``: seconds by step of the loop; ``functions``: by Python function;
            ``operations``: by operation of torch; None: no profiler.
        folder: folder of the run.
    """
    where: dict[str, Any] = {"dirpath": folder, "filename": "profile"}
    match kind:
        case Profile.simple:
            return SimpleProfiler(**where)
        case Profile.functions:
            return AdvancedProfiler(**where)
        case Profile.operations:
            return PyTorchProfiler(**where, row_limit=40, export_to_chrome=False)
    return None
