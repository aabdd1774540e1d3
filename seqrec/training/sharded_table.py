"""Data parallel training with the item table split over the processes by rows.

All other weights are replicated, and their gradients averaged, by torch's DDP. A process updates
its own rows alone, so the optimizer's state is split like the table.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
import torch.distributed as dist
from pytorch_lightning import Trainer
from pytorch_lightning.strategies import DDPStrategy
from torch import Tensor
from torch.optim import Optimizer

from seqrec.layers.shard import Shard, shards_of

BLOCK_BYTES = 64 * 2**20  # of a table, sent at once


class ShardedTable(DDPStrategy):
    """DDP for everything but the shards of tables; checkpoints hold whole tables.

    The first process collects them in its host's memory, block by block, so a checkpoint is what
    one process would have written, and opens on any number of processes.
    """

    splits_table: ClassVar[bool] = True
    has_averaged_weights: ClassVar[bool] = False

    def setup(self, trainer: Trainer) -> None:
        """Tell DDP which parameters are none of its business, then set up the model."""
        assert self.model is not None
        names = [name for name, *_ in shards_of(self.model)]
        self.model._ddp_params_and_buffers_to_ignore = names  # type: ignore[assignment]
        super().setup(trainer)

    def configure_ddp(self) -> None:
        """Wrap the model into DDP if processes have gradients to average.

        DDP refuses a model without weights of its own, and in a single process it would only hold
        every gradient twice.
        """
        assert self.model is not None
        own = {name for name, *_ in shards_of(self.model)}
        others = (weight for name, weight in self.model.named_parameters() if name not in own)
        if self.world_size > 1 and any(weight.requires_grad for weight in others):
            super().configure_ddp()

    def load_checkpoint(self, checkpoint_path: Any, weights_only: bool | None = None) -> Any:
        """Read a checkpoint, but leave its tensors on the disk until rows of them are taken."""
        return self.checkpoint_io.load_checkpoint(checkpoint_path, mmap=True)  # type: ignore[call-arg]

    def lightning_module_state_dict(self) -> dict[str, Any]:
        """Return the module's state with whole tables, in the first process."""
        assert self.lightning_module is not None
        state = self.lightning_module.state_dict()
        for name, own, shard in shards_of(self.lightning_module):
            state[name] = whole(own.detach(), shard)
        return state

    def optimizer_state(self, optimizer: Optimizer) -> dict[str, Any]:
        """Return an optimizer's state with that of whole tables, in the first process."""
        state = optimizer.state_dict()
        each = dict(state["state"])
        for index, own, shard in self._split(optimizer):
            each[index] = {
                name: whole(value, shard) if _of_rows(value, len(own)) else value
                for name, value in each.get(index, {}).items()
            }
        return state | {"state": each}

    def load_optimizer_state_dict(self, checkpoint: Mapping[str, Any]) -> None:
        """Load what is about own rows and about the weights that all have."""
        states = []
        for optimizer, saved in zip(self.optimizers, checkpoint["optimizer_states"], strict=True):
            shards = {index: shard for index, _, shard in self._split(optimizer)}
            each = {
                index: {name: _own(value, shards.get(index)) for name, value in of_weight.items()}
                for index, of_weight in saved["state"].items()
            }
            states.append(saved | {"state": each})
        super().load_optimizer_state_dict({"optimizer_states": states})

    def _split(self, optimizer: Optimizer) -> list[tuple[int, Tensor, Shard]]:
        """Return the place among an optimizer's weights, the rows and the shard of each table."""
        assert self.lightning_module is not None
        shards = {id(own): shard for _, own, shard in shards_of(self.lightning_module)}
        weights = [weight for group in optimizer.param_groups for weight in group["params"]]
        return [(n, w, shards[id(w)]) for n, w in enumerate(weights) if id(w) in shards]


def whole(own: Tensor, shard: Shard) -> Tensor:
    """Return the rows of all processes, in the first one, on the CPU; elsewhere none."""
    own = own.contiguous()
    rows = max(1, BLOCK_BYTES // max(1, own[0].nbytes))
    if shard.rank:
        for block in own.split(rows):
            dist.send(block, dst=0)
        return torch.empty(0)
    table = torch.empty(shard.rows, *own.shape[1:], dtype=own.dtype)
    table[: shard.last] = own
    for source in range(1, shard.world):
        other = Shard(shard.rows, source, shard.world)
        for block in table[other.first : other.last].split(rows):
            received = torch.empty_like(block, device=own.device)
            dist.recv(received, src=source)
            block.copy_(received)
    return table


def _own(value: Any, shard: Shard | None) -> Any:
    """Return own rows of an entry of an optimizer's state, in memory of their own."""
    if not isinstance(value, Tensor):
        return value
    if shard is not None and _of_rows(value, shard.rows):
        value = value[shard.first : shard.last]
    return value.clone()


def _of_rows(value: Any, rows: int) -> bool:
    """Return whether an entry of an optimizer's state has a row for each of a table's."""
    return isinstance(value, Tensor) and value.dim() > 0 and len(value) == rows
