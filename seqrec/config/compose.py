"""Composing the configuration the way Hydra does, and what comes after composing."""

from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

from hydra import compose
from hydra.core.global_hydra import GlobalHydra
from omegaconf import DictConfig, OmegaConf, open_dict

from seqrec.config.check.components import is_instruction
from seqrec.config.cli.elsewhere import KEY
from seqrec.config.cli.help import SPACES


class Composer:
    """The configuration tree below one primary config; Hydra must be initialised.

    Args:
        config_name: name of the primary config.
        searchpath: where else configuration lies, as in ``hydra.searchpath``; for `options`.
    """

    def __init__(self, config_name: str, *, searchpath: Iterable[str] = ()) -> None:
        self.config_name = config_name
        self.search = [f"{KEY}=[{','.join(searchpath)}]"]
        self.loader = GlobalHydra.instance().config_loader()
        self.groups = set(self.loader.list_groups("")) - {"hydra", SPACES}
        self.options = cache(self._options)
        self._composed = cache(self._compose)

    def compose(self, overrides: Iterable[str]) -> tuple[DictConfig, dict[str, Any]]:
        """Return a fresh configuration and the chosen option of every group."""
        config = self._composed(tuple(overrides)).copy()
        choices = OmegaConf.to_container(config.hydra.runtime.choices)
        OmegaConf.set_struct(config, False)
        del config["hydra"]
        OmegaConf.set_struct(config, True)
        assert isinstance(choices, dict)
        return config, {str(k): v for k, v in choices.items() if not str(k).startswith("hydra/")}

    def _compose(self, overrides: tuple[str, ...]) -> DictConfig:
        return compose(self.config_name, overrides=list(overrides), return_hydra_config=True)

    def _options(self, group: str) -> list[str]:
        return self.loader.get_group_options(
            group, config_name=self.config_name, overrides=self.search
        )


def settle(
    config: DictConfig,
    *,
    choices: dict[str, Any],
    overrides: Iterable[str],
    config_dirs: Iterable[Path],
) -> DictConfig:
    """Give a component chosen on the command line the values of its own file.

    ``model=sasrec`` sets sizes of its transformer; with ``encoder=lstm`` beside it they belong to
    nothing, and with ``optimizer=sgd`` the model's learning rate for Adam would be the wrong one.
    Keys that the command line sets itself stay: a mistake there has to be seen.

    Args:
        config: the composed configuration, changed in place and returned.
        choices: chosen option of every group.
        overrides: the command line's.
        config_dirs: folders of configuration; the first that has a file counts.
    """
    written = {override.partition("=")[0].lstrip("+~") for override in overrides}
    for group in written & choices.keys():
        node = config.get(group)
        files = (folder / group / f"{choices[group]}.yaml" for folder in config_dirs)
        file = next((file for file in files if file.is_file()), None)
        if not isinstance(node, DictConfig) or "_target_" not in node or file is None:
            continue
        own = OmegaConf.load(file)
        if not isinstance(own, DictConfig) or "_target_" not in own:
            continue  # a dataset: its file sets more than this node
        with open_dict(node):
            for key in [str(key) for key in node]:
                if f"{group}.{key}" in written or is_instruction(key):
                    continue
                if key in own:
                    node[key] = own._get_node(key)
                else:
                    del node[key]
    return config


def plain(config: DictConfig) -> dict[str, Any]:
    """Return resolved plain values, enums by name: what a run's ``config.yaml`` holds."""
    container = OmegaConf.to_container(config, resolve=True, enum_to_str=True)
    assert isinstance(container, dict)
    return {str(key): value for key, value in container.items()}
