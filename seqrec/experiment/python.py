"""A run from Python, for notebooks: what ``python train.py`` does with the same overrides."""

from collections.abc import Iterable
from pathlib import Path

from hydra import compose, initialize_config_dir
from omegaconf import DictConfig, open_dict

from seqrec.config.cli.command_line import check_command_line
from seqrec.config.cli.elsewhere import folder_of
from seqrec.config.compose import plain, settle
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
    config, choices, folder = composed(list(overrides))
    folder = folder if config.resume else claim(folder)
    try:
        run(config, folder, choices=choices, overrides=list(overrides))
    except SeqrecError:
        give_back(folder, Path(config.paths.output_dir))
        raise
    return RunFolder(folder, Trust.of(plain(config)))


def composed(
    overrides: list[str], *, options: Iterable[str] = ()
) -> tuple[DictConfig, dict[str, str], Path]:
    """What ``train.py`` would run: the configuration, the option of each group, the folder.

    Args:
        overrides: those of ``train.py`` for one run.
        options: names that may be meant by a key that isn't there.

    Raises:
        ConfigError: what ``train.py`` would refuse, in the same words.
    """
    if flags := [override for override in overrides if override.startswith("-")]:
        raise ConfigError(f"{flags[0]} is for train.py", todo="leave it out")
    register()
    given = check_command_line(overrides, config_dir=CONFIGS, options=options)
    with initialize_config_dir(version_base="1.3", config_dir=str(CONFIGS)):
        config = compose("train", overrides=given, return_hydra_config=True)
    hydra, folder = config.hydra, Path(config.hydra.run.dir)
    choices = {str(key): value for key, value in hydra.runtime.choices.items()}
    with open_dict(config):
        del config["hydra"]
    config_dirs = [CONFIGS, *map(folder_of, hydra.searchpath)]
    return (
        settle(config, choices=choices, overrides=overrides, config_dirs=config_dirs),
        choices,
        folder,
    )
