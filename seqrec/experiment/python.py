"""Training from Python, as in notebooks: what ``python train.py`` does with the same overrides."""

from collections.abc import Iterable
from pathlib import Path

from seqrec.config.cli.command_line import check_command_line
from seqrec.config.compose import Composed, compose, to_values
from seqrec.config.schema import register
from seqrec.config.trust import Trust
from seqrec.errors import ConfigError, SeqrecError
from seqrec.experiment.run import run
from seqrec.home import CONFIGS
from seqrec.run.claim import claim, give_back
from seqrec.run.folder import RunFolder


def train(*overrides: str) -> RunFolder:
    """Train and evaluate one model; return its folder, which trusts what the overrides named.

    Args:
        overrides: overrides of ``train.py`` for one run: ``model=gru_attn``, ``data=amazon``, ...

    Raises:
        SeqrecError: ``train.py`` would refuse the overrides; the message is the same.
    """
    made = composed(list(overrides))
    folder = made.run_dir if made.config.resume else claim(made.run_dir)
    try:
        run(made.config, folder, choices=made.choices, overrides=list(overrides))
    except SeqrecError:
        give_back(folder, Path(made.config.paths.output_dir))
        raise
    return RunFolder(folder, Trust.of(to_values(made.config)))


def composed(overrides: list[str], *, options: Iterable[str] = ()) -> Composed:
    """Compose and check the configuration that ``train.py`` would run.

    Args:
        overrides: overrides of ``train.py`` for one run.
        options: further names to propose for an unknown key.

    Raises:
        ConfigError: ``train.py`` would refuse the overrides; the message is the same.
    """
    if flags := [override for override in overrides if override.startswith("-")]:
        raise ConfigError(f"{flags[0]} is a flag of train.py only", todo="leave it out")
    register()
    return compose(check_command_line(overrides, config_dir=CONFIGS, options=options))
