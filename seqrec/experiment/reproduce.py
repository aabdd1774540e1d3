"""A run again from its folder, and whether it came out the same."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from omegaconf import OmegaConf

from seqrec.config.schema import Root
from seqrec.errors import RunError
from seqrec.experiment.run import run
from seqrec.machine.hardware import find_hardware
from seqrec.run.environment import describe_environment
from seqrec.run.folder import RunFolder, to_values

MEASURED = ("fit_seconds", "peak_memory_mb")  # no two runs agree in them
MADE = (  # entries of the environment
    *("python", "platform", "threads"),
    *("git_sha", "code_sha256", "lock_sha256", "installed_sha256"),
)


@dataclass(frozen=True)
class Difference:
    """A result that isn't what it was; None: it isn't there."""

    name: str
    then: Any
    now: Any

    @property
    def size(self) -> float:
        """How far apart two numbers are; infinite for anything else."""
        try:
            return abs(self.now - self.then)
        except TypeError:
            return math.inf


def environments(about: dict[str, Any], config: Root, data_hash: str) -> dict[str, tuple[Any, Any]]:
    """What a result depends on, when the run was made and now, by name.

    Args:
        about: the run's ``run.json``.
        config: what will be run.
        data_hash: of the data now.
    """
    then, now = about["environment"], describe_environment()
    precision = "fp32" if config.baseline else config.trainer.precision
    hardware = find_hardware(config.trainer.accelerator, precision)
    rows = {name: (then.get(name), now[name]) for name in MADE}
    rows |= {name: (then["packages"].get(name), now["packages"][name]) for name in now["packages"]}
    rows["device"] = (about["device"], hardware.device)
    rows["precision"] = (about["precision"], hardware.precision)
    rows["data_hash"] = (about["data_hash"], data_hash)
    return rows


def train_again(folder: RunFolder, config: Root, new: Path) -> dict[str, Any]:
    """Train and test once more, into the folder `new`, without a logger; return the results.

    On a CPU with as many threads as the run had: they decide in which order numbers are added.

    Raises:
        RunError: the run's folder doesn't say what is needed.
    """
    about = folder.about()
    if "choices" not in about:
        raise RunError(
            "this run was made by a version that didn't record how to repeat it",
            where=str(folder.path / "run.json"),
            todo="run its command again",
        )
    config.logger = {"_target_": "seqrec.logger.none.NoLogger"}
    torch.set_num_threads(about["environment"]["threads"])
    composed = OmegaConf.create(to_values(config))
    return run(composed, new, choices=about["choices"], overrides=about["overrides"])


def changed_metrics(then: dict[str, Any], now: dict[str, Any]) -> list[Difference]:
    """Results that aren't equal to the last bit, the largest difference first."""
    found = [
        Difference(name, then.get(name), now.get(name))
        for name in sorted((then.keys() | now.keys()) - set(MEASURED))
        if not _equal(then.get(name), now.get(name))
    ]
    return sorted(found, key=lambda difference: -difference.size)


def _equal(a: Any, b: Any) -> bool:
    both_nan = isinstance(a, float) and isinstance(b, float) and math.isnan(a) and math.isnan(b)
    return a == b or both_nan
