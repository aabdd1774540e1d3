"""Time to the first training step, and the share of each import in it."""

import re
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from seqrec.home import PROJECT

TINY = ("data=synthetic", "data.n_users=100", "data.n_items=50", "logger=none", "trainer=cpu")
IMPORTS = "import gc; gc.disable(); import seqrec.experiment.run"  # as in train.py
SHOWN = 0.02  # seconds: packages that take less aren't listed


def measure_startup(*overrides: str, repeats: int = 3) -> dict[str, Any]:
    """Time ``python train.py`` until its first optimizer step is done, on prepared data.

    An unmeasured run prepares the data and fills the file cache first.

    Args:
        overrides: overrides of ``train.py``; none: a tiny synthetic dataset without a logger, on
            the CPU.
        repeats: number of measured runs.

    Returns:
        ``first_step_seconds``: from the start of the process, the fastest run;
        ``runs``: the seconds of every measured run, in order;
        ``import_seconds``: top-level package to the seconds its own modules take to import,
        largest first, with the collector off, as ``train.py`` imports them.

    Raises:
        RuntimeError: a run failed; the message is its output.
    """
    with tempfile.TemporaryDirectory() as folder:
        runs = [_first_step(overrides or TINY, Path(folder)) for _ in range(repeats + 1)][1:]
    return {
        "first_step_seconds": min(runs),
        "runs": runs,
        "import_seconds": _import_seconds(),
    }


def marked_adam(params: Iterable[Any], *, mark: str, **options: Any) -> Any:
    """Build an Adam that writes the time to the file `mark` when its first step is done."""
    from torch.optim import Adam

    optimizer = Adam(params, **options)

    def first(*ignored: Any) -> None:
        Path(mark).write_text(repr(time.time()))
        hook.remove()

    hook = optimizer.register_step_post_hook(first)
    return optimizer


def _first_step(overrides: Iterable[str], folder: Path) -> float:
    mark = folder / "mark"
    mark.unlink(missing_ok=True)
    marked = [f"optimizer._target_={__name__}.marked_adam", f"+optimizer.mark={mark}"]
    where = [f"paths.output_dir={folder / 'outputs'}", f"paths.cache_dir={folder / 'stores'}"]
    train = [sys.executable, "-m", "seqrec.commands.train"]
    command = [*train, *overrides, "trainer.max_epochs=1", *marked, *where]
    begun = time.time()
    _run(command)
    return float(mark.read_text()) - begun


def _import_seconds() -> dict[str, float]:
    lines = _run([sys.executable, "-X", "importtime", "-c", IMPORTS]).splitlines()
    seconds: dict[str, float] = defaultdict(float)
    for line in lines:
        if found := re.match(r"import time: +(\d+) \| +\d+ \| +(\w+)", line):
            seconds[found[2]] += int(found[1]) / 1e6
    largest_first = sorted(seconds.items(), key=lambda item: -item[1])
    return {name: value for name, value in largest_first if value >= SHOWN}


def _run(command: list[str]) -> str:
    done = subprocess.run(
        command, cwd=PROJECT, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    if done.returncode:
        raise RuntimeError(done.stdout)
    return done.stdout
