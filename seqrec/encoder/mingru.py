"""minGRU (Feng et al. 2024, "Were RNNs All We Needed?", section 3.1)."""

from typing import ClassVar

import torch
from torch import Tensor, nn

from seqrec.layers.dropout import Dropout
from seqrec.layers.scan import scan
from seqrec.shapes import History


class MinGRU(nn.Module):
    """A GRU whose gate and candidate read the input alone, not the state before.

    ``z_t = sigmoid(W_z x_t)``, ``h_t = (1 - z_t) h_{t-1} + z_t W_h x_t``. Both products are made
    for all positions at once, and what is left of the recurrence is one multiplication and one
    addition a position. The state after a history is all that a next event needs.

    Args:
        further: positions that the objective's question adds to a history of `max_length`.
        dim: width D of inputs and outputs.
        max_length: maximum L; an exported or compiled model reaches back so far.
        hidden: width of the recurrent state; null: D.
        layers: number of stacked layers.
        dropout: rate, applied to the output of each layer.
    """

    causal: ClassVar[bool] = True

    def __init__(
        self,
        *,
        further: int,
        dim: int,
        max_length: int,
        hidden: int | None = None,
        layers: int = 1,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        hidden = dim if hidden is None else hidden
        self.max_length = max_length + further
        widths = [dim] + [hidden] * (layers - 1)
        self.layers = nn.ModuleList(nn.Linear(width, 2 * hidden) for width in widths)
        self.dropout = Dropout(dropout)
        self.project = nn.Linear(hidden, dim) if hidden != dim else nn.Identity()

    def forward(self, x_BLD: Tensor, history: History) -> Tensor:
        """Map ``x_BLD -> h_BLD``."""
        h_BLH = x_BLD
        for layer in self.layers:
            gate_BLH, new_BLH = layer(h_BLH).chunk(2, -1)
            z_BLH = torch.sigmoid(gate_BLH)
            h_BLH = self.dropout(scan(1 - z_BLH, z_BLH * new_BLH, longest=self.max_length))
        return self.project(h_BLH)
