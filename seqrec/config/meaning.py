"""The meaning of each configuration key: one table for everything that depends on it.

Resuming, sweeps, fingerprints, recipes, names of runs and folders, and comparisons differ in the
meanings they consider, never in the keys. A component declares what its own parameter means, if
that isn't a result: ``meaning: ClassVar = {"memory_mb": "speed"}``.
"""

from collections.abc import Collection, Iterable, Mapping
from enum import Enum
from typing import Any

from seqrec.config.check.components import components
from seqrec.config.check.signature import read_attributes
from seqrec.config.kinds import KINDS


class Meaning(Enum):
    """What changes when a key gets another value."""

    RESULT = "result"  # the metrics, or whether the run succeeds
    REPEAT = "repeat"  # the metrics, as a repeat of the same model
    MEASURE = "measure"  # which metrics are computed; shared ones are equal
    SPEED = "speed"  # time and memory; metrics agree up to rounding
    FILE = "file"  # which file of the user is read; a data hash identifies its content
    RUN = "run"  # which finished run is read; the hash of its weights identifies it
    PLACE = "place"  # where files are kept
    LABEL = "label"  # what a run is called and prints, and how it is started


KEYS = {  # keys and prefixes of keys, besides the kinds; the longest match counts
    Meaning.RESULT: (
        *("model", "debug", "prepare", "batch", "evaluation", "trainer", "protocol"),
        *("dim", "max_length", "dropout", "update", "ensemble", "compress"),
    ),
    Meaning.REPEAT: ("seed", "split.fold"),
    Meaning.MEASURE: (
        *("evaluation.ks", "evaluation.category", "evaluation.groups"),
        *("evaluation.sampled", "evaluation.sampled_by"),
    ),
    Meaning.SPEED: (
        *("batch.eval_size", "trainer.profiler", "trainer.checkpoint_minutes"),
        *("prepare.engine", "prepare.spark", "prepare.memory_gb"),
    ),
    Meaning.FILE: (
        *("data.path", "data.valid_path", "data.test_path"),
        *("data.items_path", "data.users_path"),
    ),
    Meaning.RUN: ("checkpoint", "ensemble.runs"),
    Meaning.PLACE: ("paths", "data.raw_dir", "data.fetch_dir"),
    Meaning.LABEL: (
        *("experiment", "local", "hydra", "tags", "group"),
        *("expect", "resume", "rerun", "trainer.progress"),
    ),
}
MEANING = {kind.name: Meaning(kind.meaning) for kind in KINDS} | {
    key: meaning for meaning, keys in KEYS.items() for key in keys
}
RESULTS = (Meaning.RESULT, Meaning.REPEAT, Meaning.MEASURE)  # what a run's folder depends on
NAMES = (*RESULTS, Meaning.SPEED)  # keys in the names of runs and of jobs' folders
ELSEWHERE = (
    Meaning.FILE,
    Meaning.RUN,
    Meaning.PLACE,
    Meaning.LABEL,
)  # what a recipe leaves to its command


def meaning_of(key: str, declared: Mapping[str, Meaning] | None = None) -> Meaning:
    """Return the meaning of a key.

    Args:
        key: dotted, as on a command line; a group's name means the choice of its option.
        declared: meanings that components declare: see :func:`declared_meanings`.

    Returns:
        The meaning of the longest entry that is the key or a prefix of it. A key without an entry,
        say of an older version, counts as a result.
    """
    parts = key.split(".")
    for size in range(len(parts), 0, -1):
        root = ".".join(parts[:size])
        found = (declared or {}).get(root) or MEANING.get(root)
        if found is not None:
            return found
    return Meaning.RESULT


def declared_meanings(config: dict[str, Any]) -> dict[str, Meaning]:
    """Return the meanings that components of a plain configuration declare, by dotted key.

    They are read from the source; nothing is imported.
    """
    by_value = {meaning.value: meaning for meaning in Meaning}
    found = {}
    for path, node in components(config):
        own = read_attributes(node["_target_"]).get("meaning")
        for name, text in own.items() if isinstance(own, dict) else ():
            if text in by_value:
                found[f"{path}.{name}"] = by_value[text]
    return found


def values_of(
    config: dict[str, Any],
    wanted: Collection[Meaning] = RESULTS,
    declared: Mapping[str, Meaning] | None = None,
) -> dict[str, Any]:
    """Return the values of a plain configuration that have a wanted meaning, by dotted key.

    Args:
        config: the plain configuration.
        wanted: meanings to keep; by default those that results depend on.
        declared: see :func:`declared_meanings`; None: those of this configuration's components.
    """
    meanings = declared_meanings(config) if declared is None else declared
    return {k: v for k, v in flat(config).items() if meaning_of(k, meanings) in wanted}


def flat(node: dict[str, Any], path: str = "") -> dict[str, Any]:
    """Return the values of nested dicts by dotted keys; an empty dict is a value."""
    values: dict[str, Any] = {}
    for key, value in node.items():
        if isinstance(value, dict) and value:
            values |= flat(value, f"{path}{key}.")
        else:
            values[f"{path}{key}"] = value
    return values


def key_of(override: str) -> str:
    """Return the key that an override of the command line sets."""
    return override.partition("=")[0].lstrip("+~")


def naming(overrides: Iterable[str]) -> list[str]:
    """Return the overrides that go into the name of a run or of a job's folder."""
    return [each for each in overrides if meaning_of(key_of(each)) in NAMES]
