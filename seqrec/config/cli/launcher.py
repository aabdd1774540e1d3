"""Check the launcher of a sweep, whose package may not be installed."""

from collections.abc import Iterable, Iterator
from importlib.util import find_spec

from hydra.core.override_parser.types import Override

from seqrec.home import install

GROUP = "hydra/launcher"
EXTRAS = {  # launcher -> the extra of this project that installs it
    **dict.fromkeys(("joblib", "parallel"), "joblib"),
    **dict.fromkeys(("submitit_local", "submitit_slurm", "slurm"), "submitit"),
    **dict.fromkeys(("ray", "ray_cluster"), "ray"),
}
# packages to install without their requirements, which clash with the lock's and aren't needed
NO_DEPS = {"ray": "hydra-ray-launcher"}


def launcher_mistakes(overrides: Iterable[Override], *, sweeping: bool) -> Iterator[str]:
    """Describe a launcher without a sweep, or one whose package isn't installed."""
    for override in overrides:
        if override.key_or_group != GROUP:
            continue
        name = str(override.value())
        if not sweeping:
            yield f"{GROUP}={name}: a launcher starts the jobs of a sweep, which needs -m"
        extra = EXTRAS.get(name)
        if extra and not is_installed(extra):
            typed = install(extra)
            if extra in NO_DEPS:
                typed += f" && pip install --no-deps -c requirements.lock {NO_DEPS[extra]}"
            yield f"{GROUP}={name}: its package isn't installed: {typed}"


def is_installed(extra: str) -> bool:
    """Return whether the launcher of an extra is installed, without importing it."""
    try:
        return find_spec(f"hydra_plugins.hydra_{extra}_launcher") is not None
    except ModuleNotFoundError:  # the namespace that plugins share is missing, too
        return False
