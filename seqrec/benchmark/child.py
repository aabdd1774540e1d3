"""Child processes: each number is measured in its own process with a given number of threads.

``python -m seqrec.benchmark.child training:measure < arguments.json`` calls a function of this
package and prints its result as JSON on the last line. All other output goes to standard error.
"""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from contextlib import redirect_stdout
from importlib import import_module
from pathlib import Path
from typing import Any

from seqrec.errors import RunError, SeqrecError
from seqrec.home import PROJECT

THREADS = (
    *("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS"),
    *("POLARS_MAX_THREADS", "ARROW_NUM_THREADS", "ARROW_IO_THREADS"),
)
STOPPED = 3  # exit status after a SeqrecError


def in_child(function: str, *, threads: int, timeout: float | None = None, **arguments: Any) -> Any:
    """Call ``module:function`` of this package in a new process.

    Args:
        function: the function to call.
        threads: number of threads of every library that uses them.
        timeout: seconds.
        arguments: arguments of the function, fit for JSON.

    Raises:
        RunError: the process failed or took too long.
    """
    command = [sys.executable, "-m", "seqrec.benchmark.child", function]
    return run(command, arguments, threads=threads, timeout=timeout)


def run(
    command: Sequence[str | Path], given: Any, *, threads: int, timeout: float | None = None
) -> Any:
    """Run a command that reads JSON and prints JSON as its last line; see :func:`in_child`."""
    environment = {**os.environ, "PYTHONPATH": str(PROJECT), "PYTHONUNBUFFERED": "1"}
    environment |= dict.fromkeys(THREADS, str(threads))
    shown = " ".join(map(str, command))
    try:
        done = subprocess.run(
            [str(part) for part in command],
            input=json.dumps(given),
            stdout=subprocess.PIPE,
            env=environment,
            text=True,
            timeout=timeout,
        )
    except subprocess.TimeoutExpired as late:
        todo = "measure less at once, or use a faster machine"
        raise RunError(
            f"a measurement took more than {timeout:.0f} s", where=shown, todo=todo
        ) from late
    if done.returncode:
        raise RunError("a measurement failed", where=shown, todo="see its output above")
    return json.loads(done.stdout.splitlines()[-1])


def _main(function: str) -> None:
    import torch

    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    module, _, name = function.partition(":")
    given = json.load(sys.stdin)
    try:
        with redirect_stdout(sys.stderr):
            result = getattr(import_module(f"seqrec.benchmark.{module}"), name)(**given)
    except SeqrecError as error:
        print(error, file=sys.stderr)
        sys.exit(STOPPED)
    print(json.dumps(result))


if __name__ == "__main__":
    _main(sys.argv[1])
