"""No attention: the encoder's output at the current position."""

from typing import ClassVar

import torch
from torch import Tensor, nn

from seqrec.shapes import at_position


class Last(nn.Module):
    """``u_t = h_t``, the classic GRU4Rec and SASRec read-out."""

    local: ClassVar[bool] = True  # the summary at a position depends on its own state only

    def forward(self, h_BLD: Tensor) -> Tensor:
        """Return the input."""
        return h_BLD

    def at(self, h_BLD: Tensor, position_B: Tensor) -> Tensor:
        """Return ``u_BD``: the state at each position."""
        return at_position(h_BLD, position_B)

    def weights(self, h_BLD: Tensor, position_B: Tensor) -> Tensor:
        """Return ``alpha_BL``: all weight on the position itself."""
        index_L = torch.arange(h_BLD.shape[1], device=h_BLD.device)
        return (index_L == position_B[:, None]).to(h_BLD.dtype)
