"""The mean of a prefix: attention with equal weights, the reference for the other heads."""

from torch import Tensor, nn

from seqrec.layers.join import Join
from seqrec.layers.prefix import prefix_mean
from seqrec.layers.read_out import prefix_equal, weighted_sum
from seqrec.shapes import at_position


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
        """Map ``h_BLD -> u_BLD``, by one running sum in float32."""
        return self.join(h_BLD, prefix_mean(h_BLD))

    def at(self, h_BLD: Tensor, position_B: Tensor) -> Tensor:
        """Return ``u_BD`` of the prefix that ends at each position."""
        summary_BD = weighted_sum(self.weights(h_BLD, position_B), h_BLD)
        return self.join(at_position(h_BLD, position_B), summary_BD)

    def weights(self, h_BLD: Tensor, position_B: Tensor) -> Tensor:
        """Return ``alpha_BL``: ``1 / (position + 1)`` up to the position."""
        return prefix_equal(position_B, h_BLD.shape[1])
