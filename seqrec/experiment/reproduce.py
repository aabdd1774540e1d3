"""Reproduction of a run from its folder, and comparison of the results."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from seqrec.config.schema import Root, is_trained
from seqrec.config.typed import plain_values
from seqrec.errors import RunError
from seqrec.experiment.run import run
from seqrec.machine.hardware import find_hardware
from seqrec.run.environment import describe_environment
from seqrec.run.folder import RunFolder
from seqrec.training.threads import use_threads

MEASURED = ("fit_seconds", "peak_memory_mb")  # they differ from run to run
MADE = (  # entries of the environment
    *("python", "platform", "threads"),
    *("git_sha", "code_sha256", "lock_sha256", "installed_sha256"),
)


@dataclass(frozen=True)
class Difference:
    """A result that has changed; None: it is missing."""

    name: str
    then: Any
    now: Any

    @property
    def size(self) -> float:
        """The absolute difference of two numbers; infinite for anything else."""
        try:
            return abs(self.now - self.then)
        except TypeError:
            return math.inf


def environments(about: dict[str, Any], config: Root, data_hash: str) -> dict[str, tuple[Any, Any]]:
    """Compare what a result depends on: name to its value in the run and now.

    Args:
        about: the run's ``run.json``.
        config: the configuration that will be run.
        data_hash: hash of the data now.
    """
    then, now = about["environment"], describe_environment()
    precision = config.trainer.precision if is_trained(config) else "fp32"
    hardware = find_hardware(config.trainer.accelerator, precision)
    rows = {name: (then.get(name), now[name]) for name in MADE}
    rows |= {name: (then["packages"].get(name), now["packages"][name]) for name in now["packages"]}
    rows["device"] = (about["device"], hardware.device)
    rows["precision"] = (about["precision"], hardware.precision)
    rows["data_hash"] = (about["data_hash"], data_hash)
    return rows


def train_again(folder: RunFolder, config: Root, new: Path) -> dict[str, Any]:
    """Train and test once more, into the folder `new`, without a logger; return the results.

    On a CPU it uses as many threads as the run did: they decide the order of summation.

    Raises:
        RunError: the run's folder lacks what is needed, or the run was never trained.
    """
    about = folder.about()
    if "choices" not in about:
        raise RunError(
            "this run is of an older version, which didn't record how to repeat it",
            where=str(folder.path / "run.json"),
            todo="run its command again",
        )
    if config.compress is not None:
        raise RunError(
            "its weights were made of those of another run, without training",
            where=str(folder.path),
            todo=f"type its command again: {about.get('command')}",
        )
    config.logger = {"_target_": "seqrec.logger.none.NoLogger"}
    use_threads(about["environment"]["threads"])
    composed = OmegaConf.create(plain_values(config))
    return run(composed, new, choices=about["choices"], overrides=about["overrides"])


def changed_metrics(then: dict[str, Any], now: dict[str, Any]) -> list[Difference]:
    """Return the results that aren't bit-identical, the largest difference first."""
    found = [
        Difference(name, then.get(name), now.get(name))
        for name in sorted((then.keys() | now.keys()) - set(MEASURED))
        if not _equal(then.get(name), now.get(name))
    ]
    return sorted(found, key=lambda difference: -difference.size)


def _equal(a: Any, b: Any) -> bool:
    both_nan = isinstance(a, float) and isinstance(b, float) and math.isnan(a) and math.isnan(b)
    return a == b or both_nan
