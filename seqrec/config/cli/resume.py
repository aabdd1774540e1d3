"""Which run a command continues.

A run can go on where its configuration is the one it was started with; only what changes no
result may differ (:mod:`seqrec.config.meaning`), and ``trainer.max_epochs`` may be raised.
"""

from contextlib import suppress
from pathlib import Path
from typing import Any

from hydra.core.override_parser.types import Quote, QuotedString

from seqrec.config.check.mistakes import refuse
from seqrec.config.meaning import RESULTS, Meaning, declared_meanings, values_of
from seqrec.config.saved import read_overrides, read_saved
from seqrec.config.trust import Trust
from seqrec.errors import ConfigError, RunError
from seqrec.home import command
from seqrec.machine.process import is_first_process
from seqrec.terminal.errors import tell

MAY_GROW = "trainer.max_epochs"


def resume_arguments(
    argv: list[str], config: dict[str, Any], choices: dict[str, Any], *, sweeping: bool
) -> list[str]:
    """Turn ``resume=auto`` or ``resume=FOLDER`` into the folder of the run to continue.

    Args:
        argv: the command line.
        config: the plain configuration that it composes to.
        choices: chosen option of every group.
        sweeping: there are several jobs.

    Returns:
        `argv` with the run's folder as ``resume`` and as ``hydra.run.dir``; where ``auto`` finds
        nothing, without ``resume``, so that a new run starts. Of several processes only the first
        looks, as it changes what there is to see.

    Raises:
        ConfigError: the folder isn't one of a run that can be continued with this configuration.
    """
    wanted = config.get("resume")
    if config.get("rerun") and not sweeping:
        refuse(
            ["rerun=true: only sweeps (-m) look for what was trained before"],
            todo="leave rerun out: a single run is always trained",
        )
    if not wanted or not is_first_process():
        return argv
    if sweeping:
        refuse(
            [f"resume={wanted}: a sweep needs no word for it"],
            todo="leave resume out: the same command skips the jobs that are finished and goes on "
            "with the others",
        )
    without = [arg for arg in argv if arg.lstrip("+").partition("=")[0] != "resume"]
    if wanted == "auto":
        runs = Path(config["paths"]["output_dir"], str(choices["data"]), str(choices["model"]))
        found = newest_unfinished(runs, config)
        if found is None:
            tell(f"resume=auto: no unfinished run of this configuration below {runs}; a new one")
            return without
    else:
        found = check_resumable(Path(wanted), config)
    folder = QuotedString(str(found), Quote.single).with_quotes()
    return [*without, f"resume={folder}", f"hydra.run.dir={folder}"]


def newest_unfinished(runs: Path, config: dict[str, Any]) -> Path | None:
    """Return the latest run below `runs` that has a checkpoint, no results, and this config."""
    by_time = sorted(
        runs.glob("*/checkpoints/last.ckpt"), key=lambda file: file.stat().st_mtime, reverse=True
    )
    for folder in (file.parents[1] for file in by_time):
        if not (folder / "metrics.json").exists():
            with suppress(RunError):  # one that can't be read, or names what it may not
                if not changed_settings(
                    read_saved(folder / "config.yaml", Trust.of(config)), config
                ):
                    return folder
    return None


def check_resumable(folder: Path, config: dict[str, Any]) -> Path:
    """Return `folder` if this configuration can continue the run in it.

    Raises:
        ConfigError: it isn't the folder of a run, or the run was started with other settings.
        RunError: its configuration is damaged, or names what this command line doesn't.
    """
    for name in ("config.yaml", "checkpoints/last.ckpt"):
        if not (folder / name).is_file():
            raise ConfigError(
                f"resume={folder} isn't the folder of a run that can go on",
                where=f"there is no {folder / name}",
                todo="name a folder that holds config.yaml and checkpoints/last.ckpt, "
                "or write resume=auto",
            )
    saved = read_saved(folder / "config.yaml", Trust.of(config))
    different = changed_settings(saved, config)
    if different:
        raise ConfigError(
            f"resume={folder}: the run was started with another configuration",
            where="; ".join(f"{key}: {a} there, {b} here" for key, (a, b) in different.items()),
            todo=f"repeat its command: {_command(folder)}",
        )
    longer = config["trainer"]["max_epochs"] > saved["trainer"]["max_epochs"]
    if (folder / "metrics.json").is_file() and not longer:
        raise ConfigError(
            f"resume={folder}: the run is finished",
            where=str(folder / "metrics.json"),
            todo="raise trainer.max_epochs to train it further",
        )
    return folder


def changed_settings(saved: dict[str, Any], current: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Return the values, saved and current, of every key that forbids going on."""
    counts, declared = (*RESULTS, Meaning.FILE), declared_meanings(current)
    there, here = (values_of(each, counts, declared) for each in (saved, current))
    different = {}
    for key in sorted(there.keys() | here.keys()):
        a, b = there.get(key, "unset"), here.get(key, "unset")
        grown = key == MAY_GROW and isinstance(a, int) and isinstance(b, int) and b > a
        if a != b and not grown:
            different[key] = (a, b)
    return different


def _command(folder: Path) -> str:
    """The command that started a run, as far as Hydra's record of it is there."""
    given = [each for each in read_overrides(folder) if not each.startswith("resume=")]
    return command("train", *given, f"resume={folder}")
