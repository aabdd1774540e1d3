"""A job: a composed configuration in a folder of Hydra's, run here or where a launcher likes.

Nothing here may import torch before :func:`load_run`: launchers set threads first.
"""

import gc
import os
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, redirect_stderr, redirect_stdout
from functools import cache
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig

from seqrec.config.compose import settle
from seqrec.errors import SeqrecError
from seqrec.experiment.sweep import SKIPPED
from seqrec.machine.process import is_first_process
from seqrec.run.claim import give_back
from seqrec.terminal.errors import plain_errors, tell

OUTPUT = "output.txt"  # what a job says that runs beside others


def run_job(config: DictConfig) -> float | None:
    """Run one job; in a sweep, a job that fails is recorded and the others go on.

    Args:
        config: the composed configuration.

    Returns:
        The monitored metric on validation, for sweepers that optimise it; None: the job failed.
    """
    job = HydraConfig.get()
    folder = Path(job.runtime.output_dir)
    if folder.is_relative_to(Path.cwd()):
        folder = folder.relative_to(Path.cwd())
    monitored = f"valid/{config.evaluation.monitor}"
    if job.mode == RunMode.RUN:
        with plain_errors():
            try:
                return _train(config, folder)[monitored]
            except SeqrecError:
                if is_first_process():
                    give_back(folder, Path(config.paths.output_dir))
                raise
    title = f"job {job.job.num}  {' '.join(job.overrides.task)}"
    beside_others = job.runtime.choices["hydra/launcher"] != "basic"
    if is_first_process() and not beside_others:
        tell(f"\n{title}", style="bold")
    began = time.monotonic()
    try:
        with _into(folder / OUTPUT) if beside_others else nullcontext():
            results = _train(config, folder)
    except Exception as error:
        message = _record(error, folder)
        tell(f"{title}  {message.splitlines()[0]}" if beside_others else message, style="red")
        return None
    value = results[monitored]
    if beside_others:
        took = "trained before" if results.get(SKIPPED) else f"{time.monotonic() - began:.0f} s"
        tell(f"{title}  {monitored} {value:.4f}, {took}")
    return value


def _train(config: DictConfig, folder: Path) -> dict[str, Any]:
    job = HydraConfig.get()
    choices, overrides = settle(config, job), list(job.overrides.task)
    reuse = job.mode == RunMode.MULTIRUN and not config.rerun
    return load_run()(config, folder, choices=choices, overrides=overrides, reuse=reuse)


@cache
def load_run() -> Callable[..., dict[str, Any]]:
    """Import what trains, which takes seconds: not for ``--help``, not for a mistake."""
    if "OMP_NUM_THREADS" in os.environ:  # what a launcher leaves a job of several
        os.environ.setdefault("POLARS_MAX_THREADS", os.environ["OMP_NUM_THREADS"])
    gc.disable()  # it would walk what is imported again and again: a fifth of the time
    from seqrec.experiment.run import run

    gc.freeze()  # what is imported stays, so it needn't be walked during the training either
    gc.enable()
    return run


@contextmanager
def _into(file: Path) -> Iterator[None]:
    """Write what is printed into a file: several jobs in one terminal can't be read."""
    with file.open("a", buffering=1) as stream, redirect_stdout(stream), redirect_stderr(stream):
        yield


def _record(error: Exception, folder: Path) -> str:
    """Leave what failed in the job's folder as ``error.txt``; return it in words."""
    known = isinstance(error, SeqrecError)
    message = str(error) if known else f"{type(error).__name__}: {error}"
    details = "" if known else f"\n\n{traceback.format_exc()}"
    (folder / "error.txt").write_text(f"{message}{details}\n")
    return message
