"""Hydra takes a sixth of a second to compose; what the tests ask for again is kept."""

import copy
import os
from collections.abc import Callable
from typing import Any

import hydra
from hydra.core.global_hydra import GlobalHydra

from helpers import CONFIGS

OWN = {"hydra", "schema", "main"}  # sources of a search path that no test changes


def kept(compose: Callable[..., Any] = hydra.compose) -> Callable[..., Any]:
    """Return `hydra.compose` that remembers what it made of the project's own configuration.

    A copy is returned each time. Configuration of a test's own folders is composed anew.
    """
    made: dict[tuple[Any, ...], Any] = {}

    def composed(name: str, overrides: list[str], **options: Any) -> Any:
        path = GlobalHydra.instance().config_loader().get_search_path().get_path()
        own = all(each.provider in OWN or str(CONFIGS) in str(each.path) for each in path)
        if not own or any(word.startswith("hydra.searchpath") for word in overrides):
            return compose(name, overrides=overrides, **options)
        local = os.environ.get("SEQREC_LOCAL")
        key = (name, local, *((each.provider, each.path) for each in path), *overrides, *options)
        if key not in made:
            made[key] = compose(name, overrides=overrides, **options)
        return copy.deepcopy(made[key])

    return composed
