"""GRU encoder (Cho et al. 2014)."""

from typing import ClassVar

from torch import Tensor, nn

from seqrec.layers.dropout import Dropout
from seqrec.shapes import History


class GRU(nn.Module):
    """Run a GRU from the first item to the last.

    Padding is on the right, after all valid positions, so sequences needn't be packed.

    Args:
        dim: width D of inputs and outputs.
        hidden: width of the recurrent state; if it differs from `dim`, a projection follows.
        layers: number of stacked layers.
        dropout: rate, applied to the output of each layer.
    """

    causal: ClassVar[bool] = True

    def __init__(
        self, *, dim: int, hidden: int | None = None, layers: int = 1, dropout: float = 0.0
    ) -> None:
        super().__init__()
        hidden = dim if hidden is None else hidden
        between = dropout if layers > 1 else 0.0
        self.rnn = nn.GRU(dim, hidden, layers, dropout=between, batch_first=True)
        self.dropout = Dropout(dropout)
        self.project = nn.Linear(hidden, dim) if hidden != dim else nn.Identity()

    def forward(self, x_BLD: Tensor, history: History) -> Tensor:
        """Map ``x_BLD -> h_BLD``."""
        h_BLH, _ = self.rnn(x_BLD)
        return self.project(self.dropout(h_BLH))
