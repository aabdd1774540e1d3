"""Choice of the runs to compare, and of the settings that group them into rows."""

import shlex
from collections.abc import Iterable
from typing import Any

import yaml

from seqrec.comparison.read.runs import Run
from seqrec.config.check.mistakes import refuse, unknown
from seqrec.config.cli.script import split_list
from seqrec.config.kinds import KINDS
from seqrec.config.meaning import Meaning, meaning_of
from seqrec.config.names import PARTS, is_named_by_parts
from seqrec.errors import RunError

# keys that distinguish rows, in order of preference
LABEL_ORDER = tuple(dict.fromkeys(("data", "model", *(kind.name for kind in KINDS))))

SEPARATING = (
    *(Meaning.FILE, Meaning.RUN, Meaning.RESULT, Meaning.MEASURE, Meaning.REPEAT, Meaning.PLACE),
)


def filter_runs(
    runs: list[Run], filters: dict[str, str], *, options: Iterable[str] = ()
) -> list[Run]:
    """Keep the runs that have certain settings.

    Args:
        runs: runs to choose from.
        filters: configuration key or group to one value or several (``gru,lstm``); all must hold.
        options: further names to propose for an unknown key.

    Raises:
        ConfigError: no run has such a key.
        RunError: no run is left.
    """
    check_keys(runs, filters, options=options)
    wanted = {key: split_list(text) for key, text in filters.items()}
    kept = [
        run
        for run in runs
        if all(
            any(_is(run.settings.get(key), text) for text in texts) for key, texts in wanted.items()
        )
    ]
    if runs and not kept:
        present = [f"{key} is {_several(runs, key)}" for key in filters]
        asked = " and ".join(f"{key}={text}" for key, text in filters.items())
        raise RunError(
            f"none of the {len(runs)} runs has {asked}",
            where="; ".join(present),
            todo="choose from these values, or drop a filter",
        )
    return kept


def check_keys(runs: list[Run], keys: Iterable[str], *, options: Iterable[str] = ()) -> None:
    """Refuse keys that no run's configuration has.

    Raises:
        ConfigError: there are such keys; it lists them, each with the nearest spelling.
    """
    existing = {key for run in runs for key in run.settings}
    wrong = [key for key in keys if key not in existing] if runs else []
    short = {key for key in existing if "." not in key} | set(options)
    mistakes = []
    for key in wrong:
        inside = {name for name in existing if name.startswith(key.rpartition(".")[0] + ".")}
        problem = unknown(key, inside or short, noun="options, and keys of these runs")
        mistakes.append(f"{key}: {problem}")
    refuse(mistakes, todo="correct these keys; a run's config.yaml lists all of its keys")


def telling_keys(runs: list[Run]) -> list[str]:
    """Return the fewest settings, model and components first, that distinguish the runs.

    Where a model is named by its parts, those that vary are added. Seeds and folds don't count:
    they repeat a run.
    """
    all_keys = {key for run in runs for key in run.telling_settings}
    ordered = [k for k in LABEL_ORDER if k in all_keys] + sorted(all_keys - set(LABEL_ORDER))
    parts = [list(runs)]
    keys: list[str] = []
    for key in ordered:
        if meaning_of(key) is Meaning.REPEAT:
            continue
        finer = [part for whole in parts for part in split_by(whole, [key]).values()]
        if len(finer) > len(parts):
            parts, keys = finer, [*keys, key]
    if any(is_named_by_parts(run.settings) for run in runs):  # its parts are factors, too
        varied = [part for part in PARTS if len(split_by(runs, [part])) > 1]
        place = keys.index("model") + 1 if "model" in keys else 0
        keys[place:place] = [part for part in varied if part not in keys]
    return keys or ["model"]


def split_by(runs: list[Run], keys: list[str]) -> dict[tuple[str, ...], list[Run]]:
    """Group runs by the text of their settings under some keys, in order of appearance."""
    parts: dict[tuple[str, ...], list[Run]] = {}
    for run in runs:
        parts.setdefault(tuple(text_of(run.settings.get(key)) for key in keys), []).append(run)
    return parts


def averaged_keys(parts: Iterable[list[Run]]) -> list[str]:
    """Return the settings, other than seed and fold, that a row averages over."""
    return sorted(
        {key for runs in parts for key in telling_keys(runs) if len(split_by(runs, [key])) > 1}
    )


def comparable(runs: list[Run], *, separate: bool) -> list[list[Run]]:
    """Group runs that may share a table: same data, protocol, candidates and test events.

    Args:
        runs: chosen runs, at least one.
        separate: return several groups instead of refusing.

    Raises:
        RunError: the runs aren't comparable; it lists the groups.
    """
    kinds: dict[Any, list[Run]] = {}
    for run in runs:
        kinds.setdefault(run.measured_on, []).append(run)
    if len(kinds) > 1 and not separate:
        groups = [
            f"{len(group)} on {group[0].protocol['data']} (data hash {data[:12]}; {protocol}; "
            f"{candidates:,} candidates; test events {events}), such as {group[0].path}"
            for (data, protocol, candidates, events), group in kinds.items()
        ]
        raise RunError(
            "these runs differ in data, protocol or test events, so they can't be compared",
            where="\n         ".join(groups),
            todo=f"{_one_of(list(kinds.values()))}, or use separate=true for one table per group",
        )
    return list(kinds.values())


def _one_of(groups: list[list[Run]]) -> str:
    """Return how to choose one of several groups: by a key that no two of them share a value of."""
    first = groups[0]
    keys = {key for run in first for key in run.settings if meaning_of(key) in SEPARATING}
    for key in sorted(keys, key=lambda key: (_rank(key), key)):
        values = [{text_of(run.settings.get(key)) for run in group} for group in groups]
        if len(values[0]) == 1 and sum(map(len, values)) == len(set.union(*values)):
            [value] = values[0]
            if all(_is(run.settings[key], text) for run in first for text in split_list(value)):
                return f"choose one group, for example with {shlex.quote(f'{key}={value}')}"
    return f"name the folders of one group, such as {shlex.quote(str(first[0].path))} ..."


def _rank(key: str) -> tuple[int, int]:
    """Order keys by what says most about a run: its choices, then settings, then files."""
    choice = LABEL_ORDER.index(key) if key in LABEL_ORDER else len(LABEL_ORDER)
    return choice, SEPARATING.index(meaning_of(key))


def text_of(value: Any) -> str:
    """Format a setting as people write it."""
    if value is None:
        return "none"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _is(value: Any, text: str) -> bool:
    if text == text_of(value):
        return True
    try:
        return bool(yaml.safe_load(text) == value) or float(text) == value
    except (ValueError, yaml.YAMLError):
        return False


def _several(runs: list[Run], key: str) -> str:
    texts = sorted({text_of(run.settings.get(key)) for run in runs})
    return ", ".join(texts[:8]) + (", ..." if len(texts) > 8 else "")
