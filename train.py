"""Train and evaluate one model, or sweep over many: ``python train.py --help``."""

import gc
import shlex
import sys
import traceback
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig

from seqrec.config.command_line import check_command_line
from seqrec.config.compose import settle
from seqrec.config.process import is_first_process
from seqrec.config.schema import register
from seqrec.config.terminal import plain_errors, tell
from seqrec.errors import SeqrecError

CONFIGS = Path(__file__).resolve().parent / "configs"
FAILED: list[Path] = []  # folders of the jobs of a sweep that failed


@hydra.main(version_base="1.3", config_path="configs", config_name="train")
def train(config: DictConfig) -> float | None:
    """Run one job; in a sweep, a job that fails is recorded and the others go on."""
    job = HydraConfig.get()
    folder = Path(job.runtime.output_dir)
    if folder.is_relative_to(Path.cwd()):
        folder = folder.relative_to(Path.cwd())
    if job.mode == RunMode.RUN:
        with plain_errors():
            return run_job(config, folder)
    if is_first_process():
        tell(f"\njob {job.job.num}  {' '.join(job.overrides.task)}", style="bold")
    try:
        return run_job(config, folder)
    except Exception as error:
        FAILED.append(folder)
        record(error, folder)
        return None


def run_job(config: DictConfig, folder: Path) -> float:
    """Train and test; return the monitored metric on validation, for sweepers that optimise it."""
    job = HydraConfig.get()
    choices, overrides = dict(job.runtime.choices), list(job.overrides.task)
    settle(config, choices=choices, overrides=overrides, config_dir=CONFIGS)
    results = load_run()(config, folder, choices=choices, overrides=overrides)
    return results[f"valid/{config.evaluation.monitor}"]


@cache
def load_run() -> Callable[..., dict[str, Any]]:
    """Import what trains, which takes seconds: not for ``--help``, not for a mistake."""
    gc.disable()  # it would walk what is imported again and again: a fifth of the time
    from seqrec.experiment.run import run

    gc.freeze()  # what is imported stays, so it needn't be walked during the training either
    gc.enable()
    return run


def record(error: Exception, folder: Path) -> None:
    """Say what failed, and leave it in the job's folder as ``error.txt``."""
    known = isinstance(error, SeqrecError)
    message = str(error) if known else f"{type(error).__name__}: {error}"
    details = "" if known else f"\n\n{traceback.format_exc()}"
    (folder / "error.txt").write_text(f"{message}{details}\n")
    tell(message, style="red")


def interrupted(argv: list[str]) -> str:
    """Say how to go on after Ctrl-C."""
    if {"-m", "--multirun"} & set(argv):
        return "stopped; the jobs that finished are kept, each in its own folder"
    given = [argument for argument in argv if not argument.startswith("resume=")]
    return f"stopped; go on with: {shlex.join(['python', 'train.py', *given, 'resume=auto'])}"


def main() -> None:
    """Check the command line, then hand over to Hydra."""
    given = sys.argv[1:]
    register()
    try:
        with plain_errors():
            sys.argv[1:] = check_command_line(given, config_dir=CONFIGS)
        train()
    except (KeyboardInterrupt, SystemExit) as end:
        # Lightning turns Ctrl-C into an exit of its own
        if not isinstance(end.__context__ or end, KeyboardInterrupt):
            raise
        tell(interrupted(given))
        sys.exit(130)
    sys.exit(1 if FAILED else 0)


if __name__ == "__main__":
    main()
