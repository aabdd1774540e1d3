"""The mean of a prefix: attention with equal weights, the yardstick for the others."""

import torch
from torch import Tensor, nn

from seqrec.head.join import Join
from seqrec.types import position_mask


class Mean(nn.Module):
    """``S_t = (h_1 + ... + h_t) / t``.

    Args:
        dim: width D.
        concat: join ``S_t`` with ``h_t`` (see :class:`~seqrec.head.join.Join`).
    """

    def __init__(self, *, dim: int, concat: bool = True) -> None:
        super().__init__()
        self.join = Join(dim=dim, concat=concat)

    def forward(self, h_BLD: Tensor) -> Tensor:
        """``h_BLD -> u_BLD``, by one running sum in float32."""
        count_L = torch.arange(1, h_BLD.shape[1] + 1, device=h_BLD.device)
        summary_BLD = h_BLD.float().cumsum(dim=1) / count_L[:, None]
        return self.join(h_BLD, summary_BLD.to(h_BLD.dtype))

    def weights(self, h_BLD: Tensor, position_B: Tensor) -> Tensor:
        """``alpha_BL``: ``1 / (position + 1)`` up to the position."""
        mask_BL = position_mask(position_B + 1, h_BLD.shape[1])
        return mask_BL / (position_B[:, None] + 1)
