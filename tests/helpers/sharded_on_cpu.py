"""FSDP on CPU processes, so that what is ours of it can be tested without GPUs."""

from typing import Any

import torch
from torch import nn
from torch.distributed.fsdp import FullStateDictConfig, StateDictType
from torch.distributed.fsdp import FullyShardedDataParallel as FSDP  # noqa: N817

from seqrec.training.sharded import Sharded


class ShardedOnCPU(Sharded):
    """Torch shards over CPUs if it is told to; Lightning doesn't tell it."""

    def _check_device(self) -> None:
        pass

    def _setup_model(self, model: nn.Module) -> nn.Module:
        return FSDP(
            model,
            device_id=torch.device("cpu"),
            sharding_strategy=self.sharding_strategy,
            mixed_precision=self.mixed_precision_config,
            **self.kwargs,
        )

    def lightning_module_state_dict(self) -> dict[str, Any]:
        """On a CPU, "offloading to the CPU" frees the memory that it returns."""
        whole = FullStateDictConfig(offload_to_cpu=False, rank0_only=False)
        with FSDP.state_dict_type(self.model, StateDictType.FULL_STATE_DICT, whole):
            return self.model.state_dict()
