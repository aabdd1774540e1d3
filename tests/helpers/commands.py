"""The configuration tree, composed and checked as the command line would."""

import importlib
from pathlib import Path

import pytest
from hydra import initialize_config_dir

from seqrec.config.cli.command_line import check_command_line
from seqrec.config.compose import Composer
from seqrec.config.schema import register
from seqrec.errors import ConfigError

ROOT = Path(__file__).resolve().parents[2]
CONFIGS = ROOT / "configs"
register()


def load_script(name: str):
    """The module of a command of the project."""
    return importlib.import_module(f"seqrec.commands.{name}")


def composed(*overrides: str):
    """Configuration and choices."""
    with initialize_config_dir(version_base="1.3", config_dir=str(CONFIGS)):
        return Composer("train").compose(overrides)


def told(*arguments: str) -> str:
    """What a refused command line is told."""
    with pytest.raises(ConfigError) as refused:
        check_command_line(list(arguments), config_dir=CONFIGS)
    return str(refused.value)
