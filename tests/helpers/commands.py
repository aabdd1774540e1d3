"""The configuration tree, composed and checked as the command line would."""

import importlib.util

import pytest

from helpers import CONFIGS
from seqrec.config.cli.command_line import check_command_line
from seqrec.config.compose import compose
from seqrec.config.schema import register
from seqrec.errors import ConfigError

register()


def load_script(name: str):
    """The module of a command of the project."""
    return importlib.import_module(f"seqrec.commands.{name}")


def composed(*overrides: str):
    """Configuration and choices."""
    made = compose(overrides)
    return made.config, made.choices


def told(*arguments: str) -> str:
    """What a refused command line is told."""
    with pytest.raises(ConfigError) as refused:
        check_command_line(list(arguments), config_dir=CONFIGS)
    return str(refused.value)
