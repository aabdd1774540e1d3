"""Compose a configuration, for the command line, for jobs and for Python alike."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, cast

import hydra
import yaml
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.config_repository import IConfigRepository
from hydra.core.global_hydra import GlobalHydra
from hydra.core.object_type import ObjectType
from omegaconf import DictConfig, OmegaConf, open_dict

from seqrec.config.check.components import is_instruction
from seqrec.config.cli.elsewhere import searching_in
from seqrec.config.cli.help import ELSEWHERE
from seqrec.config.kinds import TRAINED
from seqrec.config.meaning import key_of
from seqrec.config.names import config_folders, model_name
from seqrec.config.saved import Loader
from seqrec.config.schema import is_trained, register
from seqrec.home import CONFIGS


@dataclass(frozen=True)
class Composed:
    """The configuration that a command line composes to.

    Args:
        config: the configuration, settled.
        choices: chosen option of every group; for ``model``, the name of the model.
        run_dir: the folder that its run would write to.
    """

    config: DictConfig
    choices: dict[str, Any]
    run_dir: Path


def compose(
    overrides: Iterable[str], *, config_dir: Path = CONFIGS, config_name: str = "train"
) -> Composed:
    """Return what ``train.py`` would run with these overrides, without checking them."""
    register()
    with hydra.initialize_config_dir(version_base="1.3", config_dir=str(config_dir.resolve())):
        config = hydra.compose(config_name, overrides=list(overrides), return_hydra_config=True)
        run_dir = Path(config.hydra.run.dir)
    config, hydra_node = _divided(config)
    return Composed(config, settle(config, hydra_node), run_dir)


class Composer:
    """The configuration tree below one primary config; Hydra must be initialised.

    Args:
        config_name: name of the primary config.
        searchpath: further folders of configuration for `options`, as in ``hydra.searchpath``.
    """

    def __init__(self, config_name: str, *, searchpath: Iterable[str] = ()) -> None:
        self.config_name = config_name
        self.loader = cast(ConfigLoaderImpl, GlobalHydra.instance().config_loader())
        groups = self.loader.repository.get_group_options("", ObjectType.GROUP)
        self.groups = {*groups} - {"hydra", *ELSEWHERE}
        self.repository = _repository(self.loader, [*searchpath])
        self.options = cache(self._options)
        self._composed = cache(self._divided)

    def compose(
        self, chosen: Iterable[str], *, overrides: Iterable[str]
    ) -> tuple[DictConfig, dict[str, Any]]:
        """Return a new settled configuration and the chosen option of every group.

        Args:
            chosen: the overrides to compose with.
            overrides: all overrides of the command line; those not in `chosen` aren't applied yet.
        """
        config, hydra_node = self._composed(tuple(chosen))
        config = config.copy()
        return config, settle(config, hydra_node, overrides)

    def whole(self, chosen: Iterable[str]) -> DictConfig:
        """Return the configuration with Hydra's own part, composed with the overrides `chosen`."""
        return hydra.compose(self.config_name, overrides=list(chosen), return_hydra_config=True)

    def takes_list(self, key: str) -> bool:
        """Return whether a group takes several options at once; other keys may take a list."""
        return key not in self._composed(())[1].runtime.choices

    def _divided(self, chosen: tuple[str, ...]) -> tuple[DictConfig, Any]:
        return _divided(self.whole(chosen))

    def _options(self, group: str) -> list[str]:
        return self.repository.get_group_options(group)


def _repository(loader: ConfigLoaderImpl, searchpath: list[str]) -> IConfigRepository:
    """Return where options lie; the loader, asked for them, would copy it for every group."""
    if not searchpath:
        return loader.repository
    search = [searching_in(searchpath)]
    return loader._parse_overrides_and_create_caching_repo(None, search)[1]


def settle(
    config: DictConfig, hydra_node: Any, overrides: Iterable[str] | None = None
) -> dict[str, Any]:
    """Change a configuration to what its choices imply, and return the choices.

    - With a baseline, which is counted, and with an ensemble, which is combined, components of
      trained models become null.
    - A component chosen on the command line has the values of its own file. ``model=sasrec`` sets
      sizes of its transformer, which ``encoder=lstm`` doesn't have, and a learning rate for Adam,
      which would be wrong for ``optimizer=sgd``.
    - The model gets the name that fits its components: see :func:`~seqrec.config.names.model_name`.

    Keys and groups that the command line sets stay, so that a mistake in them is reported.

    Args:
        config: the composed configuration without ``hydra``, changed in place.
        hydra_node: the ``hydra`` node that was composed with it.
        overrides: those of the command line, if Hydra hasn't seen all of them.
    """
    folders = config_folders(hydra_node)
    written = set(map(key_of, typed_overrides(hydra_node) if overrides is None else overrides))
    chosen = {str(group): option for group, option in hydra_node.runtime.choices.items()}
    choices = {k: v for k, v in chosen.items() if k != "local" and not k.startswith("hydra/")}
    if not is_trained({key: config.get(key) for key in ("baseline", "ensemble")}):
        for group in TRAINED:
            if group in config and group not in written:
                config[group] = choices[group] = None
    for group in written & choices.keys():
        files = (folder / group / f"{choices[group]}.yaml" for folder in folders)
        file = next((file for file in files if file.is_file()), None)
        if file is not None:
            own = yaml.load(file.read_bytes(), Loader)
            _take_own_values(config.get(group), own, group, written)
    return choices | {"model": model_name(choices, folders)}


def typed_overrides(hydra_node: Any) -> list[str]:
    """Return the overrides of the command line as typed, with ``${...}`` as it stands."""
    texts = OmegaConf.to_container(hydra_node.overrides.task, resolve=False)
    return [str(text) for text in texts]  # type: ignore[union-attr]


def _take_own_values(node: Any, own: Any, group: str, written: set[str]) -> None:
    """Replace the values of a node by its `own`, of its file, except for keys in `written`."""
    if not isinstance(node, DictConfig) or "_target_" not in node:
        return
    if not isinstance(own, dict) or "_target_" not in own:
        return  # a dataset: its file sets more than this node
    with open_dict(node):
        for key in [str(key) for key in node]:
            if _is_written(f"{group}.{key}", written) or is_instruction(key):
                continue
            if key in own:
                node[key] = own[key]
            else:
                del node[key]


def _is_written(path: str, written: set[str]) -> bool:
    """Return whether the command line sets a key or one inside it, also as ``group@key``."""
    keys = {key.rpartition("@")[2] for key in written}
    return any(key == path or key.startswith(f"{path}.") for key in keys)


def to_values(config: DictConfig, *, whole: bool = False) -> dict[str, Any]:
    """Return resolved plain values, enums by name, as in a run's ``config.yaml``.

    Args:
        config: the configuration.
        whole: raise OmegaConf's error for a value that is missing, too; else it is ``???``.
    """
    container = OmegaConf.to_container(
        config, resolve=True, enum_to_str=True, throw_on_missing=whole
    )
    assert isinstance(container, dict)
    return {str(key): value for key, value in container.items()}


def value_keys(node: DictConfig, path: str = "") -> Iterator[str]:
    """Yield the paths of all keys that hold a value, except those that control building."""
    for key in map(str, node):
        at = f"{path}.{key}" if path else key
        unset = OmegaConf.is_missing(node, key) or OmegaConf.is_interpolation(node, key)
        inner = None if unset else node[key]
        if isinstance(inner, DictConfig):
            yield from value_keys(inner, at)
        elif not is_instruction(key):
            yield at


def _divided(config: DictConfig) -> tuple[DictConfig, Any]:
    """Return a composed configuration without ``hydra``, and that node."""
    hydra_node = config.hydra
    OmegaConf.set_struct(config, False)
    del config["hydra"]
    OmegaConf.set_struct(config, True)
    return config, hydra_node
