"""Hydra takes a fifth of a second to compose; what the tests ask for again is kept.

Only the project's own configuration is: a test may write to folders of its own at any time.
"""

import copy
import os
from collections.abc import Callable, Iterable
from typing import Any

import hydra
from hydra._internal.config_repository import ConfigRepository
from hydra.core.global_hydra import GlobalHydra

from helpers import CONFIGS

OWN = {"hydra", "schema", "main"}  # sources of a search path that no test changes


def kept_compositions(compose: Callable[..., Any] = hydra.compose) -> Callable[..., Any]:
    """Return `hydra.compose` that remembers what it made, and returns a copy each time."""
    made: dict[tuple[Any, ...], Any] = {}

    def composed(name: str, overrides: list[str], **options: Any) -> Any:
        path = GlobalHydra.instance().config_loader().get_search_path().get_path()
        if not _own(path) or any(word.startswith("hydra.searchpath") for word in overrides):
            return compose(name, overrides=overrides, **options)
        local = os.environ.get("SEQREC_LOCAL")
        key = (name, local, *((each.provider, each.path) for each in path), *overrides, *options)
        if key not in made:
            made[key] = compose(name, overrides=overrides, **options)
        return copy.deepcopy(made[key])

    return composed


def kept_files(load: Callable[..., Any] = ConfigRepository.load_config) -> Callable[..., Any]:
    """Return Hydra's reader of one file that remembers what it read."""
    read: dict[tuple[Any, ...], Any] = {}

    def loaded(self: ConfigRepository, config_path: str) -> Any:
        if not _own(self.sources):
            return load(self, config_path)
        key = (config_path, *((each.provider, each.path) for each in self.sources))
        if key not in read:
            read[key] = load(self, config_path)
        return copy.deepcopy(read[key])

    return loaded


def _own(sources: Iterable[Any]) -> bool:
    return all(each.provider in OWN or str(CONFIGS) in str(each.path) for each in sources)
