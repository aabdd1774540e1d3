"""NextItNet: dilated causal convolutions with residual connections (Yuan et al. 2019)."""

from typing import ClassVar

import torch.nn.functional as F
from torch import Tensor, nn

from seqrec.layers.dropout import Dropout
from seqrec.shapes import History


class CausalConv(nn.Module):
    """``y_t = W_0 x_t + W_1 x_{t-d} + W_2 x_{t-2d} + ...``, with zeros before the start."""

    def __init__(self, *, dim: int, width: int, dilation: int) -> None:
        super().__init__()
        self.conv = nn.Conv1d(dim, dim, width, dilation=dilation)
        self.before = (width - 1) * dilation

    def forward(self, x_BLD: Tensor) -> Tensor:
        """Map ``x_BLD -> x_BLD``."""
        x_BDL = F.pad(x_BLD.transpose(1, 2), (self.before, 0))
        return self.conv(x_BDL).transpose(1, 2)


class Block(nn.Module):
    """Two convolutions, the second of twice the dilation, each normalised (their figure 3b)."""

    def __init__(self, *, dim: int, width: int, dilation: int, dropout: float) -> None:
        super().__init__()
        self.conv_1 = CausalConv(dim=dim, width=width, dilation=dilation)
        self.conv_2 = CausalConv(dim=dim, width=width, dilation=2 * dilation)
        self.norm_1, self.norm_2 = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.dropout = Dropout(dropout)

    def forward(self, x_BLD: Tensor) -> Tensor:
        """Map ``x_BLD -> x_BLD``."""
        y_BLD = self.norm_1(self.conv_1(x_BLD)).relu()
        y_BLD = self.norm_2(self.conv_2(y_BLD)).relu()
        return x_BLD + self.dropout(y_BLD)


class NextItNet(nn.Module):
    """Convolutions that each see twice as far back as the one before.

    Block n has dilations ``4^n`` and ``2 * 4^n``, so b blocks see ``1 + (width - 1)(4^b - 1)``
    events.

    Args:
        dim: width D.
        layers: number of blocks, of two convolutions each.
        width: positions that each convolution reads.
        dropout: rate, on what a block adds.
    """

    causal: ClassVar[bool] = True

    def __init__(self, *, dim: int, layers: int = 2, width: int = 3, dropout: float = 0.0) -> None:
        super().__init__()
        self.blocks = nn.Sequential(
            *(Block(dim=dim, width=width, dilation=4**n, dropout=dropout) for n in range(layers))
        )

    def forward(self, x_BLD: Tensor, history: History) -> Tensor:
        """Map ``x_BLD -> h_BLD``."""
        return self.blocks(x_BLD)
