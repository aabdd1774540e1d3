"""A job: a composed configuration in a folder of Hydra's, run here or by a launcher.

Nothing here may import torch before :func:`load_run`: launchers set threads first.
"""

import gc
import os
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, redirect_stderr, redirect_stdout, suppress
from functools import cache
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig

from seqrec.config.compose import settle, typed_overrides
from seqrec.disk.write import in_words, is_full
from seqrec.errors import SeqrecError
from seqrec.experiment.sweep import SKIPPED
from seqrec.machine.process import is_first_process
from seqrec.run.claim import give_back
from seqrec.terminal.errors import plain_errors
from seqrec.terminal.say import say

OUTPUT = "output.txt"  # output of a job that runs in parallel with others


def run_job(config: DictConfig) -> float | None:
    """Run one job; in a sweep, record a failed job and let the other jobs run.

    Args:
        config: the composed configuration.

    Returns:
        The monitored validation metric, for sweepers that optimise it; None if the job failed.
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
            except BaseException as end:
                if is_first_process():
                    stopped = not isinstance(end, Exception)
                    give_back(folder, Path(config.paths.output_dir), stopped=stopped)
                raise
    title = f"job {job.job.num}  {' '.join(typed_overrides(job))}"
    beside_others = job.runtime.choices["hydra/launcher"] != "basic"
    if is_first_process() and not beside_others:
        say(f"\n{title}", style="bold")
    began = time.monotonic()
    try:
        with _into(folder / OUTPUT) if beside_others else nullcontext():
            results = _train(config, folder)
    except Exception as error:
        message = _record(error, folder)
        say(f"{title}  {message.splitlines()[0]}" if beside_others else message, style="red")
        return None
    value = results[monitored]
    if beside_others:
        took = "trained before" if results.get(SKIPPED) else f"{time.monotonic() - began:.0f} s"
        say(f"{title}  {monitored} {value:.4f}, {took}")
    return value


def _train(config: DictConfig, folder: Path) -> dict[str, Any]:
    job = HydraConfig.get()
    choices, overrides = settle(config, job), typed_overrides(job)
    reuse = job.mode == RunMode.MULTIRUN and not config.rerun
    return load_run()(config, folder, choices=choices, overrides=overrides, reuse=reuse)


@cache
def load_run() -> Callable[..., dict[str, Any]]:
    """Import the training code, which takes seconds: not for ``--help`` or a refused command."""
    if "OMP_NUM_THREADS" in os.environ:  # a launcher's share of threads for each job
        os.environ.setdefault("POLARS_MAX_THREADS", os.environ["OMP_NUM_THREADS"])
    gc.disable()  # repeated collections take a fifth of the import time
    from seqrec.experiment.run import run

    gc.freeze()  # imported objects stay: later collections can skip them, too
    gc.enable()
    return run


@contextmanager
def _into(file: Path) -> Iterator[None]:
    """Redirect printed output into a file: parallel jobs would mix theirs in the terminal."""
    with file.open("a", buffering=1) as stream, redirect_stdout(stream), redirect_stderr(stream):
        yield


def _record(error: Exception, folder: Path) -> str:
    """Write the error to ``error.txt`` in the job's folder, and return its message."""
    if is_full(error):
        error = in_words(error)
    expected = isinstance(error, SeqrecError)
    message = str(error) if expected else f"{type(error).__name__}: {error}"
    details = "" if expected else f"\n\n{traceback.format_exc()}"
    with suppress(OSError):  # on a full disk the table alone has the message
        (folder / "error.txt").write_text(f"{message}{details}\n")
    return message
