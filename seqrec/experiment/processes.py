"""How the processes that share a run agree on its folder.

Lightning starts the processes for further devices of one machine itself; torchrun or SLURM's srun
start those of several machines. Either way every process runs the same command, and the folder
that the first one has claimed is the run's.
"""

import os
from pathlib import Path

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode

from seqrec.config.schema import Trainer
from seqrec.errors import ConfigError
from seqrec.home import command
from seqrec.machine.process import is_first_process, rank

FOLDER = "SEQREC_RUN_FOLDER"  # environment variable: the folder, for processes Lightning starts


def agree(folder: Path, settings: Trainer) -> Path:
    """The folder of the first process, in every process of its run.

    Raises:
        ConfigError: the processes that were started aren't those that the trainer expects.
    """
    if "LOCAL_RANK" in os.environ and FOLDER in os.environ:  # Lightning started this process
        return Path(os.environ[FOLDER])
    from seqrec.training.trainer import lightning_trainer  # imports torch

    trainer = lightning_trainer(settings, logger=False, enable_checkpointing=False)
    wanted = f"trainer.devices={settings.devices} trainer.num_nodes={settings.num_nodes}"
    if trainer.world_size == 1:
        if not is_first_process():
            raise ConfigError(
                f"this is process {rank()} of several, and the trainer is set up for one",
                where=wanted,
                todo="trainer=ddp, with the processes of a machine as trainer.devices and the "
                "machines as trainer.num_nodes",
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
            todo="start it with torchrun or srun: docs/scale_out.md",
        )
    program = command("train").removeprefix("python ").replace("seqrec", "-m seqrec")
    if HydraConfig.initialized() and HydraConfig.get().mode == RunMode.MULTIRUN:
        raise ConfigError(
            "a sweep can't start further processes for each of its jobs",
            where=wanted,
            todo=f"torchrun --standalone --nproc_per_node {trainer.num_devices} {program} -m ..., "
            "or trainer=auto",
        )
    os.environ[FOLDER] = str(folder)
    return folder


def check_shares(events: dict[str, int], processes: int) -> None:
    """Every process needs something to evaluate: Lightning can't leave one out.

    Args:
        events: name of an evaluation to how many events it has.
        processes: that share them.

    Raises:
        ConfigError: there are fewer events than processes.
    """
    for name, count in events.items():
        if count < processes:
            raise ConfigError(
                f"{processes} processes can't share {count} {name} events: one would have none",
                where="trainer.devices x trainer.num_nodes",
                todo=f"at most {count} processes, or a split that holds more users out",
            )
