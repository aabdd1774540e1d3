"""Hydra takes a fifth of a second to compose, three times in every run; the tests keep the parts.

Which files a command line chooses, and what they come to, are kept by what decides them. Hydra
still applies the values of every command line. Only the project's own configuration is kept: a
test may write to folders of its own at any time.
"""

import copy
import os
import pickle
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, ExitStack
from typing import Any
from unittest import mock

from hydra._internal import config_loader_impl, defaults_list
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.config_repository import CachingConfigRepository, ConfigRepository
from hydra._internal.defaults_list import DefaultsList, create_defaults_list
from hydra.core.override_parser.types import Override
from omegaconf import DictConfig, OmegaConf
from omegaconf.base import Box

from helpers import CONFIGS

OWN = {"hydra", "schema", "main"}  # sources of a search path that no test changes


def kept_compositions() -> AbstractContextManager[ExitStack]:
    """Return a context in which what Hydra has composed is composed from what is kept."""
    stack = ExitStack()
    for place, name, kept in (
        (config_loader_impl, "create_defaults_list", _kept_choices(create_defaults_list)),
        (
            ConfigLoaderImpl,
            "_compose_config_from_defaults_list",
            _kept_contents(ConfigLoaderImpl._compose_config_from_defaults_list),
        ),
        (ConfigRepository, "load_config", _kept_files(ConfigRepository.load_config)),
        (CachingConfigRepository, "__init__", _same_sources),
    ):
        stack.enter_context(mock.patch.object(place, name, kept))
    return stack


def _kept_choices(create: Callable[..., DefaultsList]) -> Callable[..., DefaultsList]:
    """Return Hydra's list of the files that overrides choose, which remembers what it made."""
    made: dict[tuple[Any, ...], bytes] = {}

    def created(
        repo: CachingConfigRepository,
        config_name: str,
        overrides_list: list[Override],
        prepend_hydra: bool,
        skip_missing: bool,
    ) -> DefaultsList:
        def choose(overrides: list[Override]) -> DefaultsList:
            return create(repo, config_name, overrides, prepend_hydra, skip_missing)

        if not _own(repo.get_sources()):
            return choose(overrides_list)
        rest = [o for o in overrides_list if not o.is_sweep_override()]
        values = [o for o in rest if not _chooses(repo, o)]
        choices = [o for o in rest if _chooses(repo, o)]
        key = (
            config_name,
            prepend_hydra,
            os.environ.get("SEQREC_LOCAL"),
            *_places(repo.get_sources()),
            *(each.input_line for each in choices),
        )
        # a list in which nothing was missing is also the one that skips what is missing
        key = key if key in made or not skip_missing else (*key, "skips")
        if key not in made:
            # what a default may interpolate but never does here takes a quarter of the time
            nothing = mock.Mock(return_value=OmegaConf.create())
            with mock.patch.object(defaults_list, "_create_interpolation_map", nothing):
                made[key] = pickle.dumps(choose(choices))
        kept = pickle.loads(made[key])
        kept.config_overrides = kept.overrides.config_overrides = values
        return kept

    return created


def _kept_contents(merge: Callable[..., DictConfig]) -> Callable[..., DictConfig]:
    """Return Hydra's merging of the chosen files, which remembers what it made."""
    made: dict[tuple[Any, ...], bytes] = {}

    def merged(
        self: ConfigLoaderImpl, defaults: list[Any], repo: CachingConfigRepository
    ) -> DictConfig:
        if not _own(repo.get_sources()):
            return merge(self, defaults=defaults, repo=repo)
        key = (*_places(repo.get_sources()), *(tuple(vars(each).values()) for each in defaults))
        if key not in made:
            # after every file OmegaConf tells all nodes their parents; after the last is enough
            with mock.patch.object(Box, "_re_parent", lambda node: None):
                whole = merge(self, defaults=defaults, repo=repo)
            whole._re_parent()
            made[key] = pickle.dumps(whole)
        return pickle.loads(made[key])

    return merged


def _kept_files(load: Callable[..., Any]) -> Callable[..., Any]:
    """Return Hydra's reader of one file, which remembers what it read."""
    read: dict[tuple[Any, ...], bytes] = {}

    def loaded(self: ConfigRepository, config_path: str) -> Any:
        if not _own(self.sources):
            return load(self, config_path)
        key = (config_path, *_places(self.sources))
        if key not in read:
            read[key] = pickle.dumps(load(self, config_path))
        return pickle.loads(read[key])

    return loaded


def _same_sources(self: CachingConfigRepository, delegate: ConfigRepository) -> None:
    """Copy no source, as Hydra does: nothing changes one, and others are put in their place."""
    self.delegate = copy.copy(delegate)
    self.cache = {}


def _chooses(repo: CachingConfigRepository, override: Override) -> bool:
    """Whether an override chooses a file; any other sets a value."""
    return repo.group_exists(override.key_or_group) and not isinstance(override.value(), dict)


def _places(sources: Iterable[Any]) -> list[tuple[str, str]]:
    return [(each.provider, each.path) for each in sources]


def _own(sources: Iterable[Any]) -> bool:
    return all(each.provider in OWN or str(CONFIGS) in str(each.path) for each in sources)
