"""Programs in processes of their own, which are forks of one that has imported all they need.

Imports take three seconds of a core each time; a fork takes none. A copy of the project imports its
own package. What a fork can't show (a command found on the path, the time of a start) starts an
interpreter of its own instead.
"""

import atexit
import multiprocessing
import os
import runpy
import signal
import sys
import threading
from collections.abc import Sequence
from multiprocessing import forkserver
from multiprocessing.connection import Connection
from multiprocessing.context import BaseContext
from pathlib import Path
from unittest import mock

from helpers import ROOT

FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(["helpers.preloaded"])


def ready() -> BaseContext:
    """Return the context in which a process is such a fork, for what starts processes itself."""
    with mock.patch.dict(os.environ, PYTHONPATH=os.pathsep.join(sys.path)):
        forkserver.ensure_running()
    return FORKS


class Apart:
    """A running program; like :class:`subprocess.Popen`, with errors printed among the output.

    Args:
        words: what is typed behind ``python``: a file or ``-m`` and a module, and arguments.
        env: its environment.
        folder: where it is typed.
    """

    def __init__(self, words: Sequence[str], env: dict[str, str], folder: Path = ROOT) -> None:
        forks = ready()
        self.pipe, end = forks.Pipe(duplex=False)
        self.process = forks.Process(target=_main, args=(list(words), env, str(folder), end))
        self.process.start()
        end.close()
        self.stdout = open(self.pipe.fileno(), encoding="utf-8", closefd=False)  # noqa: SIM115

    def send_signal(self, number: int) -> None:
        """Send a signal to the program alone."""
        assert self.process.pid
        os.kill(self.process.pid, number)

    def wait(self, seconds: float = 180) -> int:
        """Return the exit status; the negative of a signal's number if that ended it."""
        self.process.join(seconds)
        if self.process.exitcode is None:
            self.process.kill()
        assert self.process.exitcode is not None, f"it still runs after {seconds} s"
        return self.process.exitcode

    def end(self) -> tuple[int, str]:
        """Return the exit status, and what was printed and not yet read."""
        said = self.stdout.read()
        return self.wait(), said


def _main(words: list[str], env: dict[str, str], folder: str, end: Connection) -> None:
    os.dup2(end.fileno(), 1)
    os.dup2(end.fileno(), 2)
    end.close()
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    os.environ.clear()
    os.environ.update(env)
    os.chdir(folder)
    is_module = words[0] == "-m"
    sys.argv = words[is_module:]
    own = folder if is_module else str(Path(words[0]).parent)
    sys.path[:] = [own, *_added(env), *_libraries()]
    if ROOT not in (Path(own), *Path(own).parents):
        _forget("seqrec", "helpers")
    signal.signal(signal.SIGINT, signal.default_int_handler)
    _use_threads(env)
    try:
        if is_module:
            runpy.run_module(words[1], run_name="__main__", alter_sys=True)
        else:
            runpy.run_path(words[0], run_name="__main__")
    finally:  # what an interpreter does at its end, and a fork doesn't
        threading._shutdown()  # type: ignore[attr-defined]
        atexit._run_exitfuncs()


def _forget(*packages: str) -> None:
    """Let packages be imported anew, from where they are found now."""
    for name in [name for name in sys.modules if name.partition(".")[0] in packages]:
        del sys.modules[name]


def _added(env: dict[str, str]) -> list[str]:
    return [place for place in env.get("PYTHONPATH", "").split(os.pathsep) if place]


def _libraries() -> list[str]:
    return [place for place in sys.path if place.startswith((sys.prefix, sys.base_prefix))]


def _use_threads(env: dict[str, str]) -> None:
    import torch

    if "OMP_NUM_THREADS" in env:  # read when torch is loaded, which it is
        torch.set_num_threads(int(env["OMP_NUM_THREADS"]))
