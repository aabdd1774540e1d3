"""The configuration tree, composed and checked as the command line would."""

import importlib.util
import sys

import pytest
from hydra import initialize_config_dir

from helpers import CONFIGS, ROOT
from seqrec.config.cli.command_line import check_command_line
from seqrec.config.compose import Composer
from seqrec.config.schema import register
from seqrec.errors import ConfigError

register()


def load_script(name: str):
    """A script of the project as a module."""
    spec = importlib.util.spec_from_file_location(f"script_{name}", ROOT / f"scripts/{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # where dataclasses look
    spec.loader.exec_module(module)
    return module


def composed(*overrides: str):
    """Configuration and choices."""
    with initialize_config_dir(version_base="1.3", config_dir=str(CONFIGS)):
        return Composer("train").compose(overrides)


def told(*arguments: str) -> str:
    """What a refused command line is told."""
    with pytest.raises(ConfigError) as refused:
        check_command_line(list(arguments), config_dir=CONFIGS)
    return str(refused.value)
