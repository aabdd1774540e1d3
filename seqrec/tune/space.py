"""The search space of a study: a YAML file of keys with ranges or choices."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omegaconf import OmegaConf

from seqrec.config.check.mistakes import unknown
from seqrec.errors import ConfigError

if TYPE_CHECKING:
    from optuna import Trial

LIMITS = ("low", "high", "step", "log")


@dataclass(frozen=True)
class Range:
    """A range from `low` to `high`, both included; of whole numbers if both are.

    Args:
        low, high: the ends.
        step: distance between values; None: 1 for whole numbers, any value for others.
        log: sample uniformly in the logarithm.
    """

    low: float
    high: float
    step: float | None = None
    log: bool = False

    def suggest(self, trial: "Trial", name: str) -> int | float:
        """Suggest a value for the trial."""
        if isinstance(self.low, int) and isinstance(self.high, int):
            step = 1 if self.step is None else int(self.step)
            return trial.suggest_int(name, self.low, self.high, step=step, log=self.log)
        value = trial.suggest_float(name, self.low, self.high, step=self.step, log=self.log)
        return float(f"{value:.4g}")  # as the winner's recipe will state it


@dataclass(frozen=True)
class Space:
    """The keys of ``train.py`` that vary, each with a range or a list of choices."""

    name: str
    varied: dict[str, Range | list[Any]]

    @classmethod
    def load(cls, name: str, folder: Path) -> "Space":
        """Read `name`.yaml of the folder, or a file anywhere.

        Raises:
            ConfigError: the file is missing or empty, or an entry is neither range nor list.
        """
        file = Path(name) if name.endswith((".yaml", ".yml")) else folder / f"{name}.yaml"
        if not file.is_file():
            spaces = [path.stem for path in sorted(folder.glob("*.yaml"))]
            raise ConfigError(
                f"space={name}: {unknown(name, spaces)}",
                todo="choose one of these, or give the path of a YAML file",
            )
        content = OmegaConf.to_container(OmegaConf.load(file))
        if not isinstance(content, dict) or not content:
            raise ConfigError("the space varies nothing", where=str(file), todo=f"write {EXAMPLE}")
        return cls(file.stem, {str(k): _entry(str(k), v, file) for k, v in content.items()})

    def suggest(self, trial: "Trial") -> dict[str, Any]:
        """Suggest a value for every key."""
        return {
            key: entry.suggest(trial, key)
            if isinstance(entry, Range)
            else trial.suggest_categorical(key, entry)
            for key, entry in self.varied.items()
        }

    def has(self, values: dict[str, Any]) -> bool:
        """Return whether a trial's values belong to this space: a storage is untrusted data."""
        return values.keys() == self.varied.keys() and all(
            type(values[key]) in (int, float) if isinstance(entry, Range) else values[key] in entry
            for key, entry in self.varied.items()
        )

    def corners(self) -> list[list[str]]:
        """Return overrides that try every choice and both ends of every range at least once."""
        ends = {
            key: [entry.low, entry.high] if isinstance(entry, Range) else entry
            for key, entry in self.varied.items()
        }
        return [
            overrides({key: values[at % len(values)] for key, values in ends.items()})
            for at in range(max(map(len, ends.values())))
        ]

    def plain(self) -> dict[str, Any]:
        """Return the space as plain values, which all processes of a study must share."""
        return {
            key: [entry.low, entry.high, entry.step, entry.log]
            if isinstance(entry, Range)
            else list(entry)
            for key, entry in self.varied.items()
        }


def overrides(values: dict[str, Any]) -> list[str]:
    """Format values as overrides of ``train.py``."""
    return [f"{key}={'null' if value is None else value}" for key, value in values.items()]


EXAMPLE = "dim: [32, 64] or dropout: {low: 0.0, high: 0.5, step: 0.1}"


def _entry(key: str, given: Any, file: Path) -> Range | list[Any]:
    where = f"{file}: {key}"
    if isinstance(given, list) and given:
        if any(isinstance(value, list | dict) for value in given):
            raise ConfigError(
                "a choice must be a single value", where=where, todo=f"write {EXAMPLE}"
            )
        return given
    if not isinstance(given, dict) or not {"low", "high"} <= set(given):
        raise ConfigError(f"{given!r} isn't a range", where=where, todo=f"write {EXAMPLE}")
    if extra := [str(name) for name in given if name not in LIMITS]:
        raise ConfigError(f"{extra[0]}: {unknown(extra[0], LIMITS)}", where=where)
    try:
        low, high = given["low"] + 0, given["high"] + 0
        sound = low < high and (low > 0 or not given.get("log"))
    except TypeError:
        sound = False
    if not sound or (given.get("log") and given.get("step") is not None):
        raise ConfigError(
            f"{given} isn't a range: low must be below high, and above 0 with log; log takes no "
            "step",
            where=where,
        )
    return Range(low, high, given.get("step"), bool(given.get("log", False)))
