"""A run from Python, for notebooks: what ``python train.py`` does with the same overrides."""

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
    """Train and evaluate one model; return the run's folder, which may name what these chose.

    Args:
        overrides: ``model=gru_attn``, ``data=amazon``, ...: those of ``train.py`` for one run.

    Raises:
        SeqrecError: what ``train.py`` would refuse, in the same words.
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
    """Return what ``train.py`` would run, checked as it would check it.

    Args:
        overrides: those of ``train.py`` for one run.
        options: names that may be meant by a key that isn't there.

    Raises:
        ConfigError: what ``train.py`` would refuse, in the same words.
    """
    if flags := [override for override in overrides if override.startswith("-")]:
        raise ConfigError(f"{flags[0]} is for train.py", todo="leave it out")
    register()
    return compose(check_command_line(overrides, config_dir=CONFIGS, options=options))
