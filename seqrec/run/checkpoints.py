"""The checkpoints of a run: written whole or not at all, and checked when they are read.

==================  ================================================================
``best.ckpt``       the epoch with the best validation metric; the counts of a baseline
``last.ckpt``       where the run stood latest: the end of an epoch, or the middle of one
``previous.ckpt``   the ``last.ckpt`` before; removed when the run is finished
==================  ================================================================
"""

import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from seqrec.disk.write import replacing, telling
from seqrec.errors import RunError

FOLDER = "checkpoints"
MIDWAY = "midway"  # entry of a checkpoint in the middle of an epoch: see seqrec.training.midway
BEST, LAST, PREVIOUS = "best.ckpt", "last.ckpt", "previous.ckpt"


@dataclass(frozen=True)
class Start:
    """Where a run goes on from."""

    checkpoint: Path | None  # None: from its beginning
    notes: list[str] = field(default_factory=list)  # what was found damaged, and what that means
    position: str = ""  # where in an epoch that is, in words; nothing: at its beginning


def checkpoints_of(run: Path) -> list[Path]:
    """Return the checkpoints that a run may go on from, the one to try first first."""
    files = (run / FOLDER / name for name in (LAST, PREVIOUS, BEST))
    return [file for file in files if file.is_file()]


def write_checkpoint(content: dict[str, Any], path: Path, *, before: Path | None = None) -> None:
    """Write a checkpoint, whole or not at all.

    Args:
        content: tensors and plain values.
        path: the file.
        before: where to keep what `path` held; None: nowhere.

    Raises:
        WriteError: it can't be written, because the disk is full, say.
    """
    with telling(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path, before=before) as part, part.open("wb") as stream:
            torch.save(content, stream)


def read_checkpoint(path: Path, *, mmap: bool = False) -> dict[str, Any]:
    """Read a checkpoint as tensors and plain values: no code is run.

    It holds a checksum of each of its parts, which torch writes and doesn't look at; here all are
    compared.

    Args:
        path: the file.
        mmap: leave the tensors on the disk until they are used.

    Raises:
        RunError: it is missing or damaged.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            part = archive.testzip()
        if part is None:
            content = torch.load(path, map_location="cpu", weights_only=True, mmap=mmap)
            if isinstance(content, dict) and isinstance(content.get("state_dict"), dict):
                return content
        error = None
    except Exception as reason:  # zipfile and torch raise many kinds for a damaged file
        error = reason
    raise RunError(
        "the checkpoint can't be read: it is damaged",
        where=str(path),
        todo="train the run again, or copy its folder again",
    ) from error


def find_start(run: Path) -> Start:
    """Return the latest whole checkpoint of a run.

    What is trained again gives what it gave before, so an earlier checkpoint leads to the
    same results as a later one. The results are those of the best epoch: where its checkpoint is
    damaged, the run begins again.
    """
    notes, best = [], run / FOLDER / BEST
    whole = {file.name: _whole(file) for file in checkpoints_of(run)}
    for name, content in whole.items():
        if content is None:
            notes.append(f"{name} is damaged")
    for name, content in whole.items():
        if content is None:
            continue
        if name == BEST or not _has_best(content) or whole.get(BEST) is not None:
            return Start(best.with_name(name), notes, _position(content))
        if BEST not in whole:
            notes.append(f"{BEST} is missing")
        break
    return Start(None, [*notes, "the run begins again"] if whole else [])


def moved(content: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Return a checkpoint as if it had been written to `folder`.

    Lightning forgets the best value where the folder has another name than when it was written.
    """
    for state in content.get("callbacks", {}).values():
        if isinstance(state, dict) and "dirpath" in state:
            state["dirpath"] = str(folder)
            for key in ("best_model_path", "kth_best_model_path", "last_model_path"):
                if state.get(key):
                    state[key] = str(folder / Path(state[key]).name)
            kept = state.get("best_k_models", {})
            state["best_k_models"] = {str(folder / Path(k).name): v for k, v in kept.items()}
    return content


def _whole(file: Path) -> dict[str, Any] | None:
    """Return the content of a checkpoint, left on the disk; None: it is damaged."""
    try:
        return read_checkpoint(file, mmap=True)
    except RunError:
        return None


def _position(content: dict[str, Any]) -> str:
    at = content.get(MIDWAY)
    return f", in epoch {at['epoch'] + 1} after {at['sequences']:,} sequences" if at else ""


def _has_best(content: dict[str, Any]) -> bool:
    """Return whether an epoch was the best by when a checkpoint was written."""
    states = content.get("callbacks", {}).values()
    return any(isinstance(s, dict) and s.get("best_model_score") is not None for s in states)
