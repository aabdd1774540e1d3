"""Rerankers by name, each with the strengths to try."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from seqrec.config.choose import Choice
from seqrec.config.make import locate
from seqrec.errors import ConfigError

RERANKERS = Choice("rerank", key="rerank", several="rerankers")
BARE = "none"


@dataclass(frozen=True)
class Setting:
    """A reranker at one strength.

    Args:
        name: its file in ``configs/rerank``.
        key: the key that says how strong it is; None: it has one strength.
        strength: the value of that key.
        node: all settings.
    """

    name: str
    key: str | None
    strength: float | None
    node: dict[str, Any]

    @property
    def label(self) -> str:
        """The reranker with its strength, such as ``mmr weight=0.2``."""
        return self.name if self.key is None else f"{self.name} {self.key}={self.strength:g}"


def rerank_options(options: Mapping[str, str]) -> dict[str, str]:
    """Return ``rerank.weight`` as ``weight``, the name that a choice of rerankers takes."""
    return {key.removeprefix("rerank."): text for key, text in options.items()}


def reranker_settings(
    name: str | None, options: Mapping[str, str], *, folders: Iterable[str] = ()
) -> dict[str, Any] | None:
    """Return the settings of one reranker; None without a name.

    Args:
        name: its file in ``configs/rerank``.
        options: values of its keys, ``{"rerank.weight": "0.3"}``.
        folders: of `searchpath`; each may have ``configs/rerank/<name>.yaml``.

    Raises:
        ConfigError: there is no such reranker or key, or a value doesn't fit.
    """
    if name is None:
        if options:
            key = next(iter(options))
            raise ConfigError(f"{key} belongs to a reranker", where=key, todo="add rerank=NAME")
        return None
    own = [Path(place).expanduser() / "configs" for place in folders]
    return RERANKERS.settings_of([name], rerank_options(options), folders=own)[name]


def settings_of(
    names: Iterable[str],
    options: Mapping[str, str],
    *,
    folders: Iterable[Path] = (),
    beside: Iterable[str] = (),
) -> list[Setting]:
    """Return the settings to try, reranker after reranker, from weak to strong.

    A reranker says in its class what makes it strong, and which values to try:
    ``strengths: ClassVar = {"weight": [0.1, 0.2]}``. One that doesn't is tried as it is.

    Args:
        names: of rerankers.
        options: values of their keys, see :meth:`~seqrec.config.choose.Choice.settings_of`; a list
            of numbers gives the strengths to try.
        folders: further folders that may hold ``rerank/<name>.yaml``.
        beside: arguments that the command has beside these keys.

    Raises:
        ConfigError: there is no such reranker or key, or a value doesn't fit.
    """
    names, folders = [name for name in dict.fromkeys(names) if name != BARE], list(folders)
    beside = list(beside)
    lists = {key: several for key, text in options.items() if (several := _numbers(text))}
    plain = {key: text for key, text in options.items() if key not in lists}
    for end in (0, -1):  # what both ends of a list may be, all between may be
        ends = {key: str(values[end]) for key, values in lists.items()}
        nodes = RERANKERS.settings_of(names, plain | ends, folders=folders, beside=beside)
    found: list[Setting] = []
    for name, node in nodes.items():
        strengths = getattr(locate(node), "strengths", {})
        key = next((key for key in strengths if key in node), None)
        keys = (f"{name}.{key}", str(key))
        asked = next((lists[each] for each in keys if each in lists), None)
        if key is None:
            found.append(Setting(name, None, None, node))
        else:
            single = [node[key]] if plain.keys() & {*keys} else None
            for value in asked or single or strengths[key]:
                found.append(Setting(name, key, value, {**node, key: value}))
    return found


def _numbers(text: str) -> list[float]:
    """Return the numbers of a list such as ``[0.1, 0.2]``, increasing; [] for another text."""
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError:
        return []
    numbers = isinstance(value, list) and all(
        isinstance(each, int | float) and not isinstance(each, bool) for each in value
    )
    return sorted(value) if numbers else []
