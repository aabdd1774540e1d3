"""The mean of a prefix: attention with equal weights, the yardstick for the others."""

from torch import Tensor, nn

from seqrec.layers.join import Join
from seqrec.layers.prefix import prefix_mean
from seqrec.shapes import position_mask


class Mean(nn.Module):
    """``S_t = (h_1 + ... + h_t) / t``.

    Args:
        dim: width D.
        concat: join ``S_t`` with ``h_t`` (see :class:`~seqrec.layers.join.Join`).
    """

    def __init__(self, *, dim: int, concat: bool = True) -> None:
        super().__init__()
        self.join = Join(dim=dim, concat=concat)

    def forward(self, h_BLD: Tensor) -> Tensor:
        """``h_BLD -> u_BLD``, by one running sum in float32."""
        return self.join(h_BLD, prefix_mean(h_BLD))

    def weights(self, h_BLD: Tensor, position_B: Tensor) -> Tensor:
        """``alpha_BL``: ``1 / (position + 1)`` up to the position."""
        mask_BL = position_mask(position_B + 1, h_BLD.shape[1])
        return mask_BL / (position_B[:, None] + 1)
