"""Launchers of sweeps, from packages that needn't be installed."""

from collections.abc import Iterable, Iterator
from importlib.util import find_spec

from hydra.core.override_parser.types import Override

GROUP = "hydra/launcher"
EXTRAS = {  # launcher -> the extra of this project that installs it
    **dict.fromkeys(("joblib", "parallel"), "joblib"),
    **dict.fromkeys(("submitit_local", "submitit_slurm", "slurm"), "submitit"),
    **dict.fromkeys(("ray", "ray_cluster"), "ray"),
}
# with an extra, packages whose own requirements clash with the lock's, and aren't needed
BESIDE = {"ray": "hydra-ray-launcher"}


def launcher_mistakes(overrides: Iterable[Override], *, sweeping: bool) -> Iterator[str]:
    """Describe a launcher that has nothing to launch, or whose package isn't installed."""
    for override in overrides:
        if override.key_or_group != GROUP:
            continue
        name = str(override.value())
        if not sweeping:
            yield f"{GROUP}={name}: launches the jobs of a sweep, which needs -m"
        extra = EXTRAS.get(name)
        if extra and not is_installed(extra):
            install = f"pip install -c requirements.lock -e '.[{extra}]'"
            if extra in BESIDE:
                install += f" && pip install --no-deps -c requirements.lock {BESIDE[extra]}"
            yield f"{GROUP}={name}: its package isn't installed: {install}"


def is_installed(extra: str) -> bool:
    """Whether the launcher of an extra is there; nothing of it is imported."""
    try:
        return find_spec(f"hydra_plugins.hydra_{extra}_launcher") is not None
    except ModuleNotFoundError:  # not even the namespace that the plugins share
        return False
