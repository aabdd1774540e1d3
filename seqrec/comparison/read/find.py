"""Search for runs below folders; unreadable ones are reported with a reason, never fatal."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seqrec.comparison.read.runs import Run, read_run
from seqrec.config.trust import NOTHING, Trust
from seqrec.errors import SeqrecError
from seqrec.run.claim import ELSEWHERE

MARKS = {"config.yaml", "metrics.json", "run.json", "error.txt"}  # each marks a run's folder

STUDY, TRIALS = {"study.jsonl", ".first"}, {"trials"}  # a study's trials weren't tested


@dataclass(frozen=True)
class Skipped:
    """A folder that isn't compared."""

    path: Path
    reason: str


def find_runs(places: list[str], trust: Trust = NOTHING) -> tuple[list[Run], list[Skipped]]:
    """Read every run at or below some places, each once.

    Args:
        places: folders of runs, folders above them, or patterns (``outputs/*/sasrec``).
        trust: what their configurations may name besides this package.

    Returns:
        The runs that can be compared, ordered by path, and what was left out: runs that failed, are
        unfinished, damaged or duplicates, and places without runs.
    """
    folders: dict[Path, Path] = {}
    runs: list[Run] = []
    skipped: list[Skipped] = []
    for place in places:
        found = [folder for root in _expand(place) for folder in _folders(root)]
        folders |= {folder.resolve(): folder for folder in found}
        if not found:
            skipped.append(Skipped(Path(place), "no run here"))
    for folder in sorted(folders.values()):
        try:
            runs.append(read_run(folder, trust))
        except SeqrecError as error:
            skipped.append(Skipped(folder, error.what))
    kept, repeated = _without_copies(runs)
    return kept, skipped + repeated


def _expand(place: str) -> list[Path]:
    if Path(place).exists():
        return [Path(place)]
    anchor = Path(Path(place).anchor)
    return sorted(anchor.glob(str(Path(place).relative_to(anchor))))


def _folders(root: Path) -> Iterator[Path]:
    """Yield folders of runs at or below `root`, without searching below a run.

    A job whose results a sweep reused stands for the earlier run, wherever that is.
    """
    for folder, below, files in os.walk(root):
        if ELSEWHERE in files:
            below.clear()
            run = Path(folder, ELSEWHERE).read_text().strip()
            yield Path(run if Path(run).is_dir() else folder)
        elif MARKS & set(files) or ".hydra" in below:
            below.clear()
            yield Path(folder)
        hidden = TRIALS if STUDY & set(files) else set()
        below[:] = [name for name in below if not name.startswith(".") and name not in hidden]


def _without_copies(runs: list[Run]) -> tuple[list[Run], list[Skipped]]:
    """Keep one run of each configuration and seed: a second adds no information."""
    latest: dict[Any, Run] = {}
    for run in sorted(runs, key=lambda run: run.started):
        latest[run.identity] = run
    skipped = [
        Skipped(run.path, f"same configuration and seed as the later run {kept.path}")
        for run in runs
        if (kept := latest[run.identity]) is not run
    ]
    return [run for run in runs if latest[run.identity] is run], skipped
