"""Programs in the process of the tests: what they do without the seconds that imports take."""

import logging
import os
import random
import runpy
import sys
import traceback
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from unittest import mock

import numpy as np
import torch
from hydra.core.global_hydra import GlobalHydra

from helpers import ROOT
from seqrec.experiment import sweep
from seqrec.machine.determinism import choose_algorithms


def run_here(
    program: Path, arguments: list[str], env: dict[str, str], *, folder: Path = ROOT
) -> tuple[int, str]:
    """Run a program as if it had been typed in `folder`.

    Args:
        program: its file.
        arguments: what is typed behind it.
        env: its environment.
        folder: where it is typed.

    Returns:
        Exit status, and all that it printed.
    """
    said = StringIO()
    own = _of_its_own([str(program), *arguments], env, folder)
    with redirect_stdout(said), redirect_stderr(said), own:
        status = _status(program)
    return status, said.getvalue()


def _status(program: Path) -> int:
    try:
        runpy.run_path(str(program), run_name="__main__")
    except SystemExit as end:
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except Exception:
        traceback.print_exc()
        return 1
    return 0


@contextmanager
def _of_its_own(argv: list[str], env: dict[str, str], folder: Path) -> Iterator[None]:
    """What a new process would have of its own: place, words, environment, state of libraries."""
    before, handlers = Path.cwd(), list(logging.getLogger().handlers)
    states = random.getstate(), np.random.get_state(), torch.get_rng_state()
    sweep.FAILED.clear()
    os.chdir(folder)
    try:
        with (
            mock.patch.object(sys, "argv", argv),
            mock.patch.object(sys, "path", [str(Path(argv[0]).parent), *sys.path]),
            mock.patch.dict(os.environ, env, clear=True),
            warnings.catch_warnings(),
        ):
            warnings.simplefilter("default")
            # of a library that is pinned, about itself
            warnings.filterwarnings("ignore", "", DeprecationWarning, "wandb_workspaces")
            yield
    finally:
        os.chdir(before)
        GlobalHydra.instance().clear()
        sweep.FAILED.clear()
        choose_algorithms(deterministic=False)
        torch.set_num_threads(1)
        logging.getLogger().handlers[:] = handlers
        random.setstate(states[0])
        np.random.set_state(states[1])
        torch.set_rng_state(states[2])
