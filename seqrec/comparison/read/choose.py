"""Which runs are compared, and which of them are one row."""

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

# what rows are told apart by, if that is enough
LABEL_ORDER = tuple(dict.fromkeys(("data", "model", *(kind.name for kind in KINDS))))


def filter_runs(
    runs: list[Run], filters: dict[str, str], *, options: Iterable[str] = ()
) -> list[Run]:
    """The runs that have certain settings.

    Args:
        runs: to choose from.
        filters: a configuration key or group to a value or several (``gru,lstm``); all must hold.
        options: names that may be meant by a key that isn't there.

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
        there = [f"{key} is {_several(runs, key)}" for key in filters]
        asked = " and ".join(f"{key}={text}" for key, text in filters.items())
        raise RunError(
            f"none of the {len(runs)} runs has {asked}",
            where="; ".join(there),
            todo="choose from these values, or leave a filter out",
        )
    return kept


def check_keys(runs: list[Run], keys: Iterable[str], *, options: Iterable[str] = ()) -> None:
    """Refuse keys that no run's configuration has.

    Raises:
        ConfigError: it lists them, each with the nearest spelling.
    """
    known = {key for run in runs for key in run.settings}
    wrong = [key for key in keys if key not in known] if runs else []
    short = {key for key in known if "." not in key} | set(options)
    mistakes = []
    for key in wrong:
        inside = {name for name in known if name.startswith(key.rpartition(".")[0] + ".")}
        told = unknown(key, inside or short, noun="options, and keys of these runs")
        mistakes.append(f"{key}: {told}")
    refuse(mistakes, todo="correct the above; a run's config.yaml holds all its keys")


def telling_keys(runs: list[Run]) -> list[str]:
    """The fewest settings, model and components first, that tell different runs apart.

    Where a model is called by its parts, those that vary stand beside its name. Seeds and folds
    don't count: they repeat a run.
    """
    told = {key for run in runs for key in run.told}
    telling = [*(key for key in LABEL_ORDER if key in told), *sorted(told - set(LABEL_ORDER))]
    parts = [list(runs)]
    keys: list[str] = []
    for key in telling:
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
    """Runs by the text of their settings under some keys, in the order they come."""
    parts: dict[tuple[str, ...], list[Run]] = {}
    for run in runs:
        parts.setdefault(tuple(text_of(run.settings.get(key)) for key in keys), []).append(run)
    return parts


def averaged_keys(parts: Iterable[list[Run]]) -> list[str]:
    """Settings, seeds and folds aside, that differ within a row: it is a mean over them."""
    return sorted(
        {key for runs in parts for key in telling_keys(runs) if len(split_by(runs, [key])) > 1}
    )


def comparable(runs: list[Run], *, separate: bool) -> list[list[Run]]:
    """Runs that may stand in one table: same data, protocol, candidates and test events.

    Args:
        runs: chosen runs, at least one.
        separate: return several tables instead of refusing.

    Raises:
        RunError: they weren't measured on the same; it names what there is.
    """
    kinds: dict[Any, list[Run]] = {}
    for run in runs:
        kinds.setdefault(run.measured_on, []).append(run)
    if len(kinds) > 1 and not separate:
        told = [
            f"{len(those)} on {those[0].protocol['data']} (data hash {data[:12]}; {protocol}; "
            f"{candidates:,} candidates; test events {events}), as {those[0].path}"
            for (data, protocol, candidates, events), those in kinds.items()
        ]
        raise RunError(
            "these runs weren't measured on the same, so their numbers can't be compared",
            where="\n         ".join(told),
            todo="choose with a filter (data=..., split=..., any key), or separate=true for a "
            "table each",
        )
    return list(kinds.values())


def text_of(value: Any) -> str:
    """A setting as people write it."""
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
