"""What a key of the configuration means: one table, which everything asks that has to know.

Resuming, sweeps, fingerprints, recipes, names of runs and folders, and comparisons differ in the
meanings that count for them, never in the keys. A component says by itself what a parameter of its
own means, if that isn't a result: ``meaning: ClassVar = {"memory_mb": "speed"}``.
"""

from collections.abc import Collection, Iterable, Mapping
from enum import Enum
from typing import Any

from seqrec.config.check.components import components
from seqrec.config.check.signature import read_attributes
from seqrec.config.kinds import KINDS


class Meaning(Enum):
    """What becomes different where a key has another value."""

    RESULT = "result"  # the numbers, or whether there are any
    REPEAT = "repeat"  # the numbers, of the same model once more
    MEASURE = "measure"  # which numbers there are; those that both have are equal
    SPEED = "speed"  # time and memory; numbers agree up to rounding
    FILE = (
        "file"  # which file of the user's is read; a hash of the prepared data says what is in it
    )
    PLACE = "place"  # where things lie
    LABEL = "label"  # what a run is called and shows, and how a command begins it


KEYS = {  # beside the kinds: keys, and roots of keys; where several fit, the longest counts
    Meaning.RESULT: (
        *("model", "debug", "prepare", "batch", "evaluation", "trainer", "protocol"),
        *("dim", "max_length", "dropout"),
    ),
    Meaning.REPEAT: ("seed", "split.fold"),
    Meaning.MEASURE: (
        *("evaluation.ks", "evaluation.category", "evaluation.groups"),
        *("evaluation.sampled", "evaluation.sampled_by"),
    ),
    Meaning.SPEED: ("batch.eval_size", "trainer.profiler"),
    Meaning.FILE: ("data.path", "data.items_path", "data.users_path"),
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
NAMES = (*RESULTS, Meaning.SPEED)  # what a run or the folder of a job is named by
ELSEWHERE = (Meaning.FILE, Meaning.PLACE, Meaning.LABEL)  # what a recipe leaves to its command


def meaning_of(key: str, declared: Mapping[str, Meaning] | None = None) -> Meaning:
    """Return what a key means.

    Args:
        key: dotted, as on a command line; a group's name stands for the choice of its option.
        declared: what the components of a configuration say: see :func:`declared_meanings`.

    Returns:
        The meaning of the longest entry that is the key or a root of it. One that nothing is
        known of, say of an older version, counts as a result.
    """
    parts = key.split(".")
    for size in range(len(parts), 0, -1):
        root = ".".join(parts[:size])
        found = (declared or {}).get(root) or MEANING.get(root)
        if found is not None:
            return found
    return Meaning.RESULT


def declared_meanings(config: dict[str, Any]) -> dict[str, Meaning]:
    """Return what the components of a plain configuration say of their own parameters, by key.

    It is read from their source, and nothing is imported.
    """
    known = {meaning.value: meaning for meaning in Meaning}
    found = {}
    for path, node in components(config):
        said = read_attributes(node["_target_"]).get("meaning")
        for name, text in said.items() if isinstance(said, dict) else ():
            if text in known:
                found[f"{path}.{name}"] = known[text]
    return found


def values_of(
    config: dict[str, Any],
    wanted: Collection[Meaning] = RESULTS,
    declared: Mapping[str, Meaning] | None = None,
) -> dict[str, Any]:
    """Return the values of a plain configuration whose meaning is wanted, by their dotted keys.

    Args:
        config: to choose from.
        wanted: meanings; by default those that results depend on.
        declared: see :func:`declared_meanings`; None: what this configuration's components say.
    """
    known = declared_meanings(config) if declared is None else declared
    return {k: v for k, v in flat(config).items() if meaning_of(k, known) in wanted}


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
    """Return the overrides that a run or the folder of a job is named by."""
    return [each for each in overrides if meaning_of(key_of(each)) in NAMES]
