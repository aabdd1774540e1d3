"""FSDP: weights, gradients and optimizer state sharded over GPUs."""

from typing import Any, ClassVar, Literal

from pytorch_lightning.plugins.precision import FSDPPrecision
from pytorch_lightning.strategies import FSDPStrategy
from torch import Tensor, nn
from torch.distributed.fsdp import FullyShardedDataParallel, MixedPrecision
from torch.optim import Optimizer

from seqrec.errors import ConfigError


class Sharded(FSDPStrategy):
    """Fully sharded data parallel (Zhao et al. 2023, arXiv:2304.11277) with the results of DDP.

    Between steps each GPU keeps its shard of everything; for a step each one gathers the weights.
    Lightning's own strategy rounds weights to bf16 under mixed precision, and can't clip gradients;
    here weights stay float32 and the norm is that of all shards. Sparse gradients, moving
    averages of the weights and copies of single layers aren't supported.

    Args:
        sharding: ``FULL_SHARD``, or ``SHARD_GRAD_OP``, which keeps the weights gathered between the
            forward and the backward pass.

    Raises:
        ConfigError: the devices aren't CUDA GPUs.
    """

    has_sparse_gradients: ClassVar[bool] = False
    has_averaged_weights: ClassVar[bool] = False
    has_whole_weights: ClassVar[bool] = False

    def __init__(self, *, sharding: Literal["FULL_SHARD", "SHARD_GRAD_OP"] = "FULL_SHARD") -> None:
        # this MixedPrecision casts nothing; autocast does, as with other strategies
        super().__init__(sharding_strategy=sharding, mixed_precision=MixedPrecision())

    def setup_environment(self) -> None:
        """Check that the devices can be sharded over, then start the process group."""
        self._check_device()
        super().setup_environment()

    def _check_device(self) -> None:
        if self.root_device.type != "cuda":
            raise ConfigError(
                f"FSDP needs CUDA GPUs, but the device is {self.root_device.type}",
                where="trainer.strategy",
                todo="use trainer=ddp or trainer=auto",
            )

    @property
    def precision_plugin(self) -> FSDPPrecision:
        """How Lightning handles batches, gradients and the context of a step."""
        return super().precision_plugin

    @precision_plugin.setter
    def precision_plugin(self, plugin: Any) -> None:
        self._precision_plugin = None if plugin is None else _Precision(plugin.precision, self)


class _Precision(FSDPPrecision):
    """Lightning's plugin, but it leaves batches as they are and clips the norm over all shards."""

    def __init__(self, precision: Any, strategy: FSDPStrategy) -> None:
        super().__init__(precision)
        self.strategy = strategy

    def convert_input(self, data: Any) -> Any:
        return data

    def clip_grad_by_norm(self, optimizer: Optimizer, clip_val: float) -> None:
        model: nn.Module | None = self.strategy.model
        assert isinstance(model, FullyShardedDataParallel)
        _: Tensor = model.clip_grad_norm_(clip_val)
