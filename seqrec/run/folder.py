"""The folder of a run: its files, and how to read them.

==========================  =====================================================================
``config.yaml``             the resolved configuration
``metrics.json``            flat results; written last, so its presence means the run is complete
``history.jsonl``           a line per epoch: seconds, losses, validation metrics
``ranks.parquet``           a row per test event: user, target, its rank, facts about both
``lists.parquet``           a row per test event: user, target, the recommended items
``catalogue.parquet``       index, item, title: what the model's item ids mean
``protocol.json``, ``.md``  the protocol card: what the metrics mean, what leaked
``run.json``                command, choices, code, versions, device, data, seconds; name and id
``code.patch``              uncommitted changes of the code; absent if there were none
``explanations.*``          how far explanations can be trusted, if they were audited
``checkpoints/best.ckpt``   the epoch with the best validation metric
``checkpoints/last.ckpt``   the checkpoint that a killed run resumes from
==========================  =====================================================================
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import polars as pl
import torch
from filelock import FileLock, Timeout
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from seqrec.config.saved import read_saved
from seqrec.config.schema import Root
from seqrec.config.trust import NOTHING, Trust
from seqrec.errors import RunError

IMPLIED = {  # components of runs from before configurations named them
    "augment": {"_target_": "seqrec.augment.none.Unchanged"},
    "objective": {"_target_": "seqrec.objective.next_item.NextItem"},
}


class RunFolder:
    """Named access to the files of a run.

    Args:
        path: the folder; it need not exist yet.
        trust: what its configuration may name besides this package.
    """

    def __init__(self, path: str | Path, trust: Trust = NOTHING) -> None:
        self.path, self.trust = Path(path), trust
        self.checkpoints = self.path / "checkpoints"
        self.best, self.last = self.checkpoints / "best.ckpt", self.checkpoints / "last.ckpt"

    @classmethod
    def open(cls, path: str | Path, trust: Trust = NOTHING) -> "RunFolder":
        """Open the folder of a trained run.

        Raises:
            RunError: it isn't one; the message lists the latest runs below ``outputs/``.
        """
        folder = cls(path, trust)
        if not (folder.path / "config.yaml").is_file():
            near = sorted(p.parent for p in Path("outputs").glob("**/metrics.json"))
            found = ", ".join(str(p) for p in near[-3:]) or "none below outputs/"
            raise RunError(
                "not the folder of a run (it has no config.yaml)",
                where=str(path),
                todo=f"give the folder of a run; the latest: {found}",
            )
        if not folder.best.is_file():
            raise RunError(
                "the run has no checkpoint yet",
                where=str(folder.best),
                todo="finish its training first: the same command with resume=auto",
            )
        return folder

    @property
    def finished(self) -> bool:
        """Whether the run is complete."""
        return (self.path / "metrics.json").is_file()

    @property
    def last_change(self) -> float:
        """When the results, or those of the last epoch, were written; seconds since 1970."""
        file = self.path / "metrics.json" if self.finished else self.last
        return file.stat().st_mtime

    @contextmanager
    def held(self) -> Iterator[None]:
        """Lock this folder against training by other processes; the lock dies with its process.

        Raises:
            RunError: another process holds it.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        try:
            lock = FileLock(self.path / ".lock", timeout=0).acquire()
        except Timeout as error:
            raise RunError(
                "another process is training this run",
                where=str(self.path),
                todo="wait for it or stop it; in a sweep, rerun=true trains another run",
            ) from error
        with lock:
            yield

    def write_config(self, config: dict[str, Any]) -> None:
        """Write ``config.yaml``."""
        _write(self.path / "config.yaml", OmegaConf.to_yaml(OmegaConf.create(config)))

    def config(self) -> Root:
        """Read ``config.yaml`` as the typed root.

        Raises:
            RunError: it is missing or damaged, or names what a run may not.
        """
        try:
            saved = self.plain_config()
            implied = IMPLIED if saved.get("baseline") is None else {}
            return typed(OmegaConf.create(implied | saved))
        except OmegaConfBaseException as error:
            raise self._damaged("config.yaml", error) from error

    def plain_config(self) -> dict[str, Any]:
        """Read ``config.yaml`` as plain values, without the slower checks of its types.

        Raises:
            RunError: it is missing or damaged, or names what a run may not.
        """
        return read_saved(self.path / "config.yaml", self.trust)

    def about(self) -> dict[str, Any]:
        """Read ``run.json``: what the run is, and the facts its model was built with.

        Raises:
            RunError: it is missing or damaged.
        """
        about = self.read_json("run.json")
        if not {"facts", "data_hash", "precision", "run_id"} <= set(about):
            raise self._damaged("run.json", "entries are missing")
        return about

    def write_json(self, name: str, content: dict[str, Any]) -> None:
        """Write a JSON file atomically."""
        _write(self.path / name, json.dumps(content, indent=2, default=str) + "\n")

    def write_text(self, name: str, text: str) -> None:
        """Write a text file atomically."""
        _write(self.path / name, text)

    def write_optional(self, name: str, content: bytes | None) -> None:
        """Write a file atomically; with None, make sure that it doesn't exist."""
        if content is None:
            (self.path / name).unlink(missing_ok=True)
        else:
            _write(self.path / name, content)

    def read_json(self, name: str) -> dict[str, Any]:
        """Read a JSON file.

        Raises:
            RunError: it is missing or damaged.
        """
        try:
            return json.loads((self.path / name).read_text())
        except (OSError, ValueError) as error:
            raise self._damaged(name, error) from error

    def write_table(self, name: str, table: pl.DataFrame) -> None:
        """Write a Parquet file atomically."""
        part = self.path / (name + ".part")
        table.write_parquet(part)
        part.replace(self.path / name)

    def read_table(self, name: str) -> pl.DataFrame:
        """Read a Parquet file.

        Raises:
            RunError: it is missing or damaged.
        """
        try:
            return pl.read_parquet(self.path / name)
        except (OSError, pl.exceptions.PolarsError) as error:
            raise self._damaged(name, error) from error

    def history(self) -> list[dict[str, Any]]:
        """Read the epochs of ``history.jsonl`` in order; an empty list without such a file.

        An incomplete line, which a killed process may leave, ends the history.
        """
        file = self.path / "history.jsonl"
        rows: list[dict[str, Any]] = []
        for line in file.read_text(errors="replace").splitlines() if file.is_file() else []:
            try:
                row = json.loads(line)
            except ValueError:
                break
            if not isinstance(row, dict) or not isinstance(row.get("epoch"), int):
                break
            rows.append(row)
        return rows

    def write_checkpoint(self, content: dict[str, Any]) -> None:
        """Write ``best.ckpt`` atomically."""
        self.checkpoints.mkdir(parents=True, exist_ok=True)
        part = self.best.with_suffix(".part")
        torch.save(content, part)
        part.replace(self.best)

    def weights(self) -> dict[str, torch.Tensor]:
        """Load the best checkpoint's weights, as tensors only: no code is run.

        Raises:
            RunError: the checkpoint is damaged.
        """
        return self._tensors(self.best)["state_dict"]

    def resumable(self) -> Path | None:
        """Return ``last.ckpt`` if the run can be resumed from it, else None.

        Raises:
            RunError: it is damaged.
        """
        if not self.last.is_file():
            return None
        self._tensors(self.last)
        return self.last

    def _tensors(self, checkpoint: Path) -> dict[str, Any]:
        try:
            return torch.load(checkpoint, map_location="cpu", weights_only=True)
        except Exception as error:  # torch raises many kinds for a damaged file
            raise RunError(
                "the checkpoint can't be read: it is damaged",
                where=str(checkpoint),
                todo="train the run again, or copy its folder again",
            ) from error

    def _damaged(self, name: str, error: object) -> RunError:
        reason = str(error).strip().partition("\n")[0]
        return RunError(
            f"{name} can't be read: {reason}",
            where=str(self.path),
            todo="train the run again, or copy its folder again",
        )


def typed(config: Any) -> Root:
    """Convert a plain or composed configuration to the typed root."""
    merged = OmegaConf.merge(OmegaConf.structured(Root), config)
    root = OmegaConf.to_object(merged)
    assert isinstance(root, Root)
    return root


def to_values(config: Root) -> dict[str, Any]:
    """Convert the typed root to resolved plain values."""
    container = OmegaConf.to_container(OmegaConf.structured(config), resolve=True, enum_to_str=True)
    assert isinstance(container, dict)
    return {str(key): value for key, value in container.items()}


def _write(path: Path, content: str | bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(path.suffix + ".part")
    part.write_bytes(content.encode() if isinstance(content, str) else content)
    part.replace(path)
