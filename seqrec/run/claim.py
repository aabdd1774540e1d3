"""Claims on run folders: each run gets its own, even if several start in the same second."""

import re
import shutil
from contextlib import suppress
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from filelock import FileLock, Timeout
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.experimental.callback import Callback
from omegaconf import DictConfig, OmegaConf, open_dict, read_write

from seqrec.disk.write import telling
from seqrec.errors import RunError
from seqrec.machine.process import is_first_process
from seqrec.run.entries import LOCK
from seqrec.terminal.errors import plain_errors
from seqrec.terminal.say import say

ELSEWHERE = "run_folder.txt"  # in a job's folder: path of the earlier run that stands for it
BEFORE = {".hydra", LOCK}  # what a folder holds before the run writes anything
BEGUN = {  # and what it writes before its first checkpoint
    *("config.yaml", "run.json", "catalogue.parquet", "protocol.json", "protocol.md"),
    *("code.patch", "manifest.json", "checkpoints", "wandb", "csv", "tensorboard"),
}


class NewFolder(Callback):
    """Hydra callback that lets the first process of a run claim its folder.

    The other processes leave nothing behind. A folder that the command line names itself
    (``hydra.run.dir=...``, a resumed run) is kept.
    """

    def on_run_start(self, config: DictConfig, **kwargs: Any) -> None:
        """Settle ``hydra.run.dir``."""
        self._settle(config, "run")

    def on_multirun_start(self, config: DictConfig, **kwargs: Any) -> None:
        """Settle ``hydra.sweep.dir``."""
        self._settle(config, "sweep")
        _name_by_what_differs(config.hydra)

    def _settle(self, config: DictConfig, kind: str) -> None:
        hydra, key = config.hydra, f"hydra.{kind}.dir"
        if not is_first_process():
            self._nowhere = TemporaryDirectory()  # removed when the process ends
            folder = Path(self._nowhere.name)
        elif any(given.startswith(f"{key}=") for given in hydra.overrides.hydra):
            with plain_errors(), telling(Path(hydra[kind].dir)):
                Path(hydra[kind].dir).mkdir(parents=True, exist_ok=True)
            return
        else:
            with plain_errors():
                folder = claim(Path(hydra[kind].dir))
                clear_killed(folder.parent, Path(config.paths.output_dir))
        with read_write(hydra), open_dict(hydra):
            hydra[kind].dir = str(folder)
            hydra.overrides.hydra.append(f"{key}='{folder}'")  # the jobs of a sweep compose anew


def _name_by_what_differs(hydra: DictConfig) -> None:
    """Name the jobs' folders by the keys that the sweep varies, if their names aren't given."""
    given, key = hydra.overrides.hydra, "hydra.sweep.subdir"
    typed = OmegaConf.to_container(hydra.overrides.task, resolve=False)
    varied = [
        override.key_or_group
        for override in OverridesParser.create().parse_overrides(list(typed))  # type: ignore[arg-type]
        if override.is_sweep_override() and override.is_discrete_sweep()
    ]
    plain = all(re.fullmatch(r"[\w.]+", name) for name in varied)
    if not varied or not plain or any(text.startswith(f"{key}=") for text in given):
        return
    names = f"${{folder_name:${{hydra.overrides.task}},[{','.join(varied)}]}}"
    with read_write(hydra), open_dict(hydra):
        given.append(f"{key}='${{hydra.job.num}}_{names}'")


def claim(wanted: Path) -> Path:
    """Create a folder that no other run has: `wanted`, or `wanted` with a number appended.

    Raises:
        WriteError: it can't be created.
    """
    for number in count(1):
        folder = wanted if number == 1 else wanted.with_name(f"{wanted.name}_{number}")
        with telling(folder):
            try:
                folder.mkdir(parents=True)  # of several processes, one succeeds
            except FileExistsError:
                continue
        return folder
    raise AssertionError  # count has no end


def claim_beside(parent: Path, suffix: str, out: Path | None, *, todo: str = "") -> Path:
    """Create the folder of a run that is made of another: `out`, or one beside `parent`.

    Args:
        parent: the folder of the other run.
        suffix: what the new folder's name adds to the parent's.
        out: the folder that was asked for; None: none was.
        todo: what else may be done if it is there.

    Raises:
        RunError: `out` is there.
        WriteError: it can't be created.
    """
    if out is None:
        return claim(parent.with_name(f"{parent.name}_{suffix}"))
    with telling(out):
        try:
            out.mkdir(parents=True)  # of several processes, one succeeds
        except FileExistsError:
            raise RunError(
                "the folder of the new run is there already",
                where=str(out),
                todo=f"name another with out=, or leave out= out{todo}",
            ) from None
    return out


def clear_killed(runs: Path, output_dir: Path) -> None:
    """Remove the folders of runs that were killed before their first checkpoint, and say so.

    Args:
        runs: the folder that they are in.
        output_dir: the folder of all runs; it stays.
    """
    for lock in runs.glob(f"*/{LOCK}"):
        folder = lock.parent
        with suppress(Timeout, OSError), FileLock(lock, timeout=0):
            give_back(folder, output_dir, stopped=True)
        if not folder.exists():
            say(f"removed  {folder}: a run that was killed before its first checkpoint")


def give_back(folder: Path, output_dir: Path, *, stopped: bool = False) -> None:
    """Remove the folder of a run that failed before it wrote anything, and its empty parents.

    Args:
        folder: the run's folder.
        output_dir: the folder of all runs; it stays.
        stopped: the run was stopped by its user: its folder goes, too, if it has only what is
            written before the first checkpoint, from which it could go on.
    """
    removable = BEFORE | BEGUN if stopped else BEFORE
    if not folder.is_dir() or {path.name for path in folder.iterdir()} - removable:
        return
    if any((folder / "checkpoints").glob("*")):
        return
    for name in removable:
        shutil.rmtree(folder / name, ignore_errors=True)
        with suppress(OSError):
            (folder / name).unlink(missing_ok=True)
    folder, above = folder.resolve(), output_dir.resolve()
    with suppress(OSError):  # not empty: it holds other runs
        for each in (folder, *folder.parents):
            if each == folder or above in each.parents:
                each.rmdir()
