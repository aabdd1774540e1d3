"""Low-rank changes of the encoder's matrices (Hu et al. 2022, LoRA)."""

import math
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from seqrec.errors import ConfigError
from seqrec.model import SequenceModel


class LoRA:
    """Train ``W + (alpha / rank) B A`` in place of each matrix W of the encoder, W frozen.

    B begins with zeros (Hu et al. 2022, section 4.1), so the model begins as it was. Linear and
    recurrent layers have such matrices, and the kernel of a convolution is one of O rows. Tables of
    positions aren't changed, and neither is a matrix with a side of at most `rank`, whose change
    would be no smaller than itself.

    Args:
        rank: rows of A, and columns of B.
        alpha: how strong the change is, over `rank`.
        train: what else is trained: names of parameters or modules, such as ``[embedding]``.
    """

    needs_whole_weights: ClassVar[bool] = True

    def __init__(self, *, rank: int = 2, alpha: float = 4.0, train: list[str]) -> None:
        if rank < 1:
            raise ValueError(f"adapter.rank={rank} must be at least 1")
        if not alpha > 0:
            raise ValueError(f"adapter.alpha={alpha} must be above 0")
        self.rank, self.alpha, self.train = rank, alpha, train

    def __call__(self, model: SequenceModel) -> None:
        """Change how the encoder's matrices are computed.

        Raises:
            ConfigError: it has none.
        """
        encoder = model.encoder
        assert isinstance(encoder, nn.Module)
        found = [
            (module, name)
            for module in encoder.modules()
            if not isinstance(module, nn.Embedding)
            for name, weight in module.named_parameters(recurse=False)
            if weight.dim() > 1 and min(weight.flatten(1).shape) > self.rank
        ]
        if not found:
            raise ConfigError(
                f"{type(encoder).__name__} has no matrix with sides above {self.rank}",
                where="adapter=lora",
                todo="choose adapter=freeze, or another encoder",
            )
        for module, name in found:
            change = LowRank(getattr(module, name), rank=self.rank, alpha=self.alpha)
            parametrize.register_parametrization(module, name, change)


class LowRank(nn.Module):
    """Adds ``(alpha / rank) B A`` to a matrix of O rows and I columns, or to a kernel as one."""

    def __init__(self, weight_OI: Tensor, *, rank: int, alpha: float) -> None:
        super().__init__()
        rows, columns = weight_OI.flatten(1).shape
        self.scale = alpha / rank
        self.a_RI = nn.Parameter(weight_OI.new_empty(rank, columns))
        self.b_OR = nn.Parameter(weight_OI.new_zeros(rows, rank))
        nn.init.kaiming_uniform_(self.a_RI, a=math.sqrt(5))

    def forward(self, weight_OI: Tensor) -> Tensor:
        """Return the changed matrix, in float32 under autocast too."""
        with torch.autocast(weight_OI.device.type, enabled=False):
            change_OI = self.scale * (self.b_OR @ self.a_RI)
            return weight_OI + change_OI.view_as(weight_OI)
