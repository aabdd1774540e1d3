"""The folder of a run: its files, and how to read them.

==========================  =====================================================================
``config.yaml``             the resolved configuration
``metrics.json``            flat results; written last, so its presence means the run is complete
``manifest.json``           hashes of the files that are read; older runs have none
``history.jsonl``           a line per epoch: seconds, losses, validation metrics
``ranks.parquet``           a row per test event: user, target, its rank, facts about both
``lists.parquet``           a row per test event: user, target, the recommended items
``catalogue.parquet``       index, item, title: what the model's item ids mean
``protocol.json``, ``.md``  the protocol card: what the metrics mean, what leaked
``run.json``                command, choices, code, versions, device, data, seconds; name and id
``code.patch``              uncommitted changes of the code; absent if there were none
``explanations.*``          how far explanations can be trusted, if they were audited
``checkpoints/best.ckpt``   the epoch with the best validation metric
``checkpoints/last.ckpt``   the checkpoint that a killed run resumes from; ``previous.ckpt`` is the
                            one before, until the run is finished
==========================  =====================================================================
"""

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import polars as pl
import torch
from filelock import FileLock, Timeout
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException
from polars.exceptions import PanicException

from seqrec.config.saved import MEND, read_saved
from seqrec.config.schema import Root
from seqrec.config.trust import NOTHING, Trust
from seqrec.config.typed import typed
from seqrec.disk.manifest import MANIFEST, check, entries, read_checked, seal, unseal
from seqrec.disk.write import replacing, telling, write_file
from seqrec.errors import RunError
from seqrec.run.checkpoints import BEST, FOLDER, LAST, checkpoints_of, read_checkpoint
from seqrec.run.entries import ABOUT, ALSO, IMPLIED, LOCK, RESULTS, SEALED
from seqrec.run.near import runs_near
from seqrec.run.packed import unpacked


class RunFolder:
    """Named access to the files of a run.

    Args:
        path: the folder; it need not exist yet.
        trust: what its configuration may name besides this package.
    """

    def __init__(self, path: str | Path, trust: Trust = NOTHING) -> None:
        self.path, self.trust = Path(path), trust
        self.checkpoints = self.path / FOLDER
        self.best, self.last = self.checkpoints / BEST, self.checkpoints / LAST

    @classmethod
    def open(cls, path: str | Path, trust: Trust = NOTHING) -> "RunFolder":
        """Open the folder of a trained run.

        Raises:
            RunError: it isn't one; the message names the run that it is part of, or the latest of
                those below it, else of those below ``outputs/``.
        """
        folder = cls(Path(path).resolve() if Path(path).name in ("", "..") else path, trust)
        if not (folder.path / "config.yaml").is_file():
            why = "it has no config.yaml" if folder.path.exists() else "there is no such folder"
            raise RunError(
                f"not the folder of a run ({why})",
                where=str(path),
                todo=f"give the folder of a run; {runs_near(folder.path)}",
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
        files = [self.path / "metrics.json"] if self.finished else checkpoints_of(self.path)
        return max((file.stat().st_mtime for file in files), default=0.0)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Lock this folder against training by other processes; the lock dies with its process.

        Its file stays only if the process was killed.

        Raises:
            RunError: another process holds it.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        try:
            lock = FileLock(self.path / LOCK, timeout=0).acquire()
        except Timeout as error:
            raise RunError(
                "another process is training this run",
                where=str(self.path),
                todo="wait for it or stop it; in a sweep, rerun=true trains another run",
            ) from error
        with lock:
            try:
                yield
            finally:
                (self.path / LOCK).unlink(missing_ok=True)

    def write_config(self, config: dict[str, Any]) -> None:
        """Write ``config.yaml``."""
        write_file(self.path / "config.yaml", OmegaConf.to_yaml(OmegaConf.create(config)))

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
        about = self.read_entries("run.json", ABOUT)
        for name, kind in ALSO.items():  # entries that older versions didn't write
            if name in about and not isinstance(about[name], kind):
                raise self._damaged("run.json", f"{name} has the wrong type")
        return about

    def results(self, kinds: dict[str, Any] = RESULTS) -> dict[str, Any]:
        """Read ``metrics.json``; `kinds` names entries that it has to have, see `read_entries`.

        Raises:
            RunError: it is missing, damaged or empty.
        """
        results = self.read_entries("metrics.json", kinds)
        for name, value in results.items():
            if "/" in name and not isinstance(value, int | float | None):
                raise self._damaged("metrics.json", f"{name} isn't a number")
        return results

    def write_json(self, name: str, content: dict[str, Any]) -> None:
        """Write a JSON file, whole or not at all."""
        write_file(self.path / name, json.dumps(content, indent=2, default=str) + "\n")

    def write_text(self, name: str, text: str) -> None:
        """Write a text file, whole or not at all."""
        write_file(self.path / name, text)

    def write_optional(self, name: str, content: bytes | None) -> None:
        """Write a file, whole or not at all; with None, make sure that it doesn't exist."""
        if content is None:
            (self.path / name).unlink(missing_ok=True)
        else:
            write_file(self.path / name, content)

    def read_json(self, name: str) -> dict[str, Any]:
        """Read a JSON file.

        Raises:
            RunError: it is missing or damaged, or isn't as the run wrote it.
        """
        try:
            content = json.loads(read_checked(self.path / name))
        except (OSError, ValueError, RecursionError) as error:
            raise self._damaged(name, error) from error
        if not isinstance(content, dict):
            raise self._damaged(name, "it holds no entries")
        return content

    def read_entries(self, name: str, kinds: dict[str, Any]) -> dict[str, Any]:
        """Read a JSON file that has to have the entries of `kinds`: name to type or types.

        Raises:
            RunError: it is missing or damaged, or an entry is missing or of another type.
        """
        content = self.read_json(name)
        wrong = [k for k, kind in kinds.items() if not isinstance(content.get(k, ...), kind)]
        if wrong:
            lacks = f"{name} isn't that of a run: it lacks {', '.join(wrong[:3])}"
            raise RunError(lacks, where=str(self.path), todo=MEND)
        return content

    def write_table(self, name: str, table: pl.DataFrame) -> None:
        """Write a Parquet file, whole or not at all."""
        path = self.path / name
        with telling(path), replacing(path) as part:
            table.write_parquet(part)

    def read_table(self, name: str) -> pl.DataFrame:
        """Read a Parquet file.

        Raises:
            RunError: it is missing or damaged, or isn't as the run wrote it.
        """
        try:
            check(self.path / name)
            return pl.read_parquet(self.path / name)
        except (OSError, ValueError, pl.exceptions.PolarsError, PanicException) as error:
            raise self._damaged(name, error) from error

    def history(self) -> list[dict[str, Any]]:
        """Read the epochs of ``history.jsonl`` in order; an empty list without such a file.

        An incomplete line, which a killed process may leave, ends the history.

        Raises:
            RunError: it isn't as the run wrote it.
        """
        file = self.path / "history.jsonl"
        rows: list[dict[str, Any]] = []
        try:
            expected = file.is_file() or file.name in entries(self.path)
            text = read_checked(file).decode(errors="replace") if expected else ""
        except (OSError, ValueError) as error:
            raise self._damaged(file.name, error) from error
        for line in text.splitlines():
            try:
                row = json.loads(line)
            except ValueError:
                break
            if not isinstance(row, dict) or not isinstance(row.get("epoch"), int):
                break
            rows.append(row)
        return rows

    def seal(self, names: Iterable[str] = SEALED) -> None:
        """Write the manifest of the named files: a later change of one of them is found."""
        seal(self.path, names)

    def unseal(self) -> None:
        """Remove the manifest, before the run goes on."""
        unseal(self.path)

    def verify(self) -> None:
        """Check every byte of the files that the manifest covers, and the checkpoints.

        Raises:
            RunError: one of them is missing, or isn't as the run wrote it.
        """
        name = MANIFEST
        try:
            for name in entries(self.path):
                check(self.path / name, full=True, within=self.path)
        except (OSError, ValueError) as error:
            raise self._damaged(name, error) from error
        read_checkpoint(self.best)

    def weights(self) -> dict[str, torch.Tensor]:
        """Load the best checkpoint's weights, as tensors only: no code is run.

        Raises:
            RunError: the checkpoint is damaged, or isn't the one that the run wrote.
        """
        weights = read_checkpoint(self.best)["state_dict"]
        try:
            check(self.best, within=self.path)
            weights = unpacked(weights)
        except (OSError, ValueError) as error:
            raise self._damaged(self.best.name, error) from error
        return weights

    def _damaged(self, name: str, error: object) -> RunError:
        reason = str(error).strip().partition("\n")[0]
        return RunError(
            f"{name} can't be read: {reason}",
            where=str(self.path),
            todo=MEND,
        )
