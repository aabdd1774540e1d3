"""Find the run that a command continues.

A run can be continued with the configuration it was started with. Only keys that change no result
may differ (:mod:`seqrec.config.meaning`), ``trainer.max_epochs`` may be raised, and the number of
processes may change if a step keeps its sequences, ``batch.size`` times processes.
"""

from contextlib import suppress
from pathlib import Path
from typing import Any

from hydra.core.override_parser.types import Quote, QuotedString

from seqrec.config.check.mistakes import refuse
from seqrec.config.check.shards import splits_table
from seqrec.config.meaning import RESULTS, Meaning, declared_meanings, values_of
from seqrec.config.saved import read_overrides, read_saved
from seqrec.config.schema import is_trained
from seqrec.config.trust import Trust
from seqrec.errors import ConfigError, RunError
from seqrec.home import command
from seqrec.machine.process import is_first_process
from seqrec.terminal.say import say

# what a run can go on from; the first whole one is taken (seqrec/run/checkpoints.py)
CHECKPOINTS = ("checkpoints/last.ckpt", "checkpoints/previous.ckpt", "checkpoints/best.ckpt")
MAY_GROW = "trainer.max_epochs"
PROCESSES = ("trainer.devices", "trainer.num_nodes", "trainer.strategy")
WHOLE = ("auto", "ddp")  # strategies whose processes each hold the whole model


def resume_arguments(
    argv: list[str], config: dict[str, Any], choices: dict[str, Any], *, sweeping: bool
) -> list[str]:
    """Turn ``resume=auto`` or ``resume=FOLDER`` into the folder of the run to continue.

    Args:
        argv: the command line.
        config: the plain configuration that it composes to.
        choices: chosen option of every group.
        sweeping: whether the command is a sweep.

    Returns:
        `argv` with the run's folder as ``resume`` and as ``hydra.run.dir``; without ``resume`` if
        ``auto`` finds nothing, so that a new run starts. Of several processes only the first
        looks, because it changes what is found.

    Raises:
        ConfigError: the folder isn't that of a run that this configuration can continue.
    """
    wanted = config.get("resume")
    if config.get("rerun") and not sweeping:
        refuse(
            ["rerun=true: only sweeps (-m) skip finished jobs"],
            todo="leave rerun out: a single run is always trained",
        )
    if not wanted or not is_first_process():
        return argv
    if sweeping:
        refuse(
            [f"resume={wanted}: resume isn't needed in a sweep"],
            todo="leave resume out: the same command skips finished jobs and resumes the others",
        )
    without = [arg for arg in argv if arg.lstrip("+").partition("=")[0] != "resume"]
    if wanted == "auto":
        runs = Path(config["paths"]["output_dir"], str(choices["data"]), str(choices["model"]))
        found = newest_unfinished(runs, config)
        if found is None:
            say(f"resume=auto: no unfinished run of this configuration below {runs}; starting one")
            return without
    else:
        found = check_resumable(Path(wanted), config)
    folder = QuotedString(str(found), Quote.single).with_quotes()
    return [*without, f"resume={folder}", f"hydra.run.dir={folder}"]


def newest_unfinished(runs: Path, config: dict[str, Any]) -> Path | None:
    """Return the latest run below `runs` that has a checkpoint, no results, and this config."""
    if not is_trained(config):
        return None  # it is counted or combined at once
    files = [file for name in CHECKPOINTS for file in runs.glob(f"*/{name}")]
    files.sort(key=lambda file: file.stat().st_mtime, reverse=True)
    for folder in dict.fromkeys(file.parents[1] for file in files):
        if not (folder / "metrics.json").exists():
            with suppress(RunError):  # one that is damaged or not trusted
                saved = read_saved(folder / "config.yaml", Trust.of(config))
                if not changed_settings(saved, config, surely=True):
                    return folder
    return None


def check_resumable(folder: Path, config: dict[str, Any]) -> Path:
    """Return `folder` if this configuration can continue its run.

    Raises:
        ConfigError: it isn't a run's folder, the settings differ, or the run is finished.
        RunError: its configuration is damaged, or names what this command line doesn't.
    """
    for names in (("config.yaml",), CHECKPOINTS):
        if not any((folder / name).is_file() for name in names):
            raise ConfigError(
                f"resume={folder} isn't the folder of a run that can be resumed",
                where=f"no file {folder / names[0]}",
                todo="name a folder that holds config.yaml and checkpoints/last.ckpt, "
                "or write resume=auto",
            )
    saved = read_saved(folder / "config.yaml", Trust.of(config))
    if saved.get("update"):
        raise ConfigError(
            f"resume={folder}: the run updates another",
            todo=command("update", f"resume={folder}"),
        )
    different = changed_settings(saved, config)
    if different:
        raise ConfigError(
            f"resume={folder}: the run was started with another configuration",
            where="; ".join(f"{key}: {a} in the run, {b} now" for key, (a, b) in different.items()),
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


def changed_settings(
    saved: dict[str, Any], current: dict[str, Any], *, surely: bool = False
) -> dict[str, tuple[Any, Any]]:
    """Return the saved and the current value of every key that forbids resuming.

    With ``trainer.devices=auto`` nobody knows yet how many sequences a step has; training refuses
    to go on with others (:meth:`~seqrec.training.module.TrainedModule.on_load_checkpoint`).

    Args:
        saved, current: the plain configurations.
        surely: another ``batch.size`` forbids it where that isn't known.
    """
    elastic = _elastic(saved, current, surely=surely)
    counts, declared = (*RESULTS, Meaning.FILE, Meaning.RUN), declared_meanings(current)
    then, now = (values_of(each, counts, declared) for each in (saved, current))
    different = {}
    for key in sorted(then.keys() | now.keys()):
        a, b = then.get(key, "unset"), now.get(key, "unset")
        grown = key == MAY_GROW and isinstance(a, int) and isinstance(b, int) and b > a
        if a != b and not grown and key not in elastic:
            different[key] = (a, b)
    return different


def _elastic(saved: dict[str, Any], current: dict[str, Any], *, surely: bool) -> tuple[str, ...]:
    """Return the keys of processes and batches that may differ, as a step keeps its sequences."""
    strategies = [each.get("trainer", {}).get("strategy") for each in (saved, current)]
    whole = all(strategy in WHOLE for strategy in strategies)
    if not whole and not all(map(splits_table, strategies)):
        return ()
    if any(each.get("batch", {}).get("shuffle") == "shards" for each in (saved, current)):
        return ()  # who has which users is decided by the number of processes
    then, now = (_step_sequences(each) for each in (saved, current))
    if then is None or now is None:
        return PROCESSES if surely else (*PROCESSES, "batch.size")
    return (*PROCESSES, "batch.size") if then == now else ()


def _step_sequences(config: dict[str, Any]) -> int | None:
    """Return the sequences of a step, all processes together; None: that isn't known yet."""
    devices, nodes = (config["trainer"].get(key) for key in ("devices", "num_nodes"))
    size = config.get("batch", {}).get("size")
    known = str(devices).isdecimal() and isinstance(nodes, int) and isinstance(size, int)
    return int(devices) * nodes * size if known else None


def _command(folder: Path) -> str:
    """Return the command that started a run, as far as Hydra recorded it."""
    given = [each for each in read_overrides(folder) if not each.startswith("resume=")]
    return command("train", *given, f"resume={folder}")
