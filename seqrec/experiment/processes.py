"""Agreement on the run's folder between the processes of a run.

Lightning itself starts the processes for further devices of one machine; torchrun or SLURM's srun
start those on several machines. Either way every process runs the same command, and the run's
folder is the one that the first process has claimed.
"""

import os
import time
from pathlib import Path

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode

from seqrec.config.check.shards import splits_table
from seqrec.config.schema import Trainer
from seqrec.errors import ConfigError
from seqrec.home import command
from seqrec.layers.shard import Shard
from seqrec.machine.process import is_first_process, rank

LEAST_ROWS = 2  # of each process, so that the first has an item besides the padding id
PATIENCE = 10.0  # seconds; Lightning looks at its processes every five
FOLDER = "SEQREC_RUN_FOLDER"  # environment variable with the folder, for Lightning's processes


def agree(folder: Path, settings: Trainer) -> Path:
    """Return the folder of the first process, in every process of the run.

    Raises:
        ConfigError: the started processes don't match the trainer's settings.
    """
    if "LOCAL_RANK" in os.environ and FOLDER in os.environ:  # Lightning started this process
        return Path(os.environ[FOLDER])
    from seqrec.training.trainer import lightning_trainer  # imports torch

    trainer = lightning_trainer(settings, logger=False, enable_checkpointing=False)
    wanted = f"trainer.devices={settings.devices} trainer.num_nodes={settings.num_nodes}"
    if trainer.world_size == 1:
        if not is_first_process():
            raise ConfigError(
                f"this is process {rank()} of several, but the trainer is configured for one",
                where=wanted,
                todo="use trainer=ddp, with trainer.devices processes on each of "
                "trainer.num_nodes machines",
            )
        return folder
    strategy = trainer.strategy
    cluster = strategy.cluster_environment  # type: ignore[attr-defined]
    if cluster.creates_processes_externally:
        try:
            cluster.validate_settings(trainer.num_devices, trainer.num_nodes)
        except ValueError as error:
            raise ConfigError(str(error), where=wanted, todo="see docs/scale_out.md") from error
        strategy.setup_environment()
        return Path(strategy.broadcast(str(folder)))
    if settings.num_nodes > 1:
        raise ConfigError(
            "a run on several machines needs a launcher",
            where=wanted,
            todo="start it with torchrun or srun; see docs/scale_out.md",
        )
    program = command("train").removeprefix("python ").replace("seqrec", "-m seqrec")
    if HydraConfig.initialized() and HydraConfig.get().mode == RunMode.MULTIRUN:
        raise ConfigError(
            "a sweep can't start further processes for its jobs",
            where=wanted,
            todo=f"torchrun --standalone --nproc_per_node {trainer.num_devices} {program} -m ..., "
            "or use trainer=auto",
        )
    os.environ[FOLDER] = str(folder)
    return folder


def first_has_ended() -> bool:
    """Wait some seconds, in a process that Lightning started, for the first one to end.

    Lightning kills the first one if another ends with an error. If all have the same error, the
    first one tells it, and ends before the others.

    Returns:
        Whether it has ended.
    """
    if FOLDER not in os.environ or is_first_process():
        return False
    parent, end = os.getppid(), time.monotonic() + PATIENCE
    while os.getppid() == parent and time.monotonic() < end:
        time.sleep(0.1)
    return os.getppid() != parent


def own_shard(settings: Trainer, rows: int) -> Shard | None:
    """Return the rows that this process has of an item table of `rows`; None: all of them.

    Raises:
        ConfigError: there are too few rows for so many processes.
    """
    if not splits_table(settings.strategy):
        return None
    from seqrec.training.trainer import lightning_trainer  # imports Lightning

    world = lightning_trainer(settings, logger=False, enable_checkpointing=False).world_size
    if world > 1 and rows < LEAST_ROWS * world:
        raise ConfigError(
            f"{world} processes can't share a table of {rows} rows: each needs {LEAST_ROWS}",
            where="trainer=sharded_table",
            todo="use fewer processes, or trainer=ddp",
        )
    return Shard(rows, rank(), world) if world > 1 else None


def check_shares(events: dict[str, int], processes: int) -> None:
    """Check that every process has something to evaluate: Lightning can't leave one out.

    Args:
        events: name of an evaluation to its number of events.
        processes: how many processes share them.

    Raises:
        ConfigError: there are fewer events than processes.
    """
    for name, count in events.items():
        if count < processes:
            raise ConfigError(
                f"{processes} processes can't share {count} {name} events: one would have none",
                where="trainer.devices x trainer.num_nodes",
                todo=f"use at most {count} processes, or a split that holds out more users",
            )
