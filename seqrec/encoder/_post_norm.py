"""A block that mixes attention with something else, normalises the sum, and has a hidden layer."""

from typing import Protocol, cast

from torch import Tensor, nn

from seqrec.encoder._attention import Attention
from seqrec.encoder._feed_forward import feed_forward
from seqrec.layers.dropout import Dropout
from seqrec.shapes import at_position


class Mixer(Protocol):
    """What a block makes of its input and of its attention's output, at all positions or at one."""

    def __call__(self, x_BLD: Tensor, attended_BLD: Tensor) -> Tensor: ...

    def last(self, x_BLD: Tensor, attended_B1D: Tensor, length_B: Tensor) -> Tensor:
        """Return the same at the last valid position, ``(B, 1, D)``."""
        ...


class PostNormBlock(nn.Module):
    """``y = mixer(x, attention(x))``, then ``norm(y + mlp(y))`` with GELU.

    Args:
        mixer: joins the attention's output with its input; it normalises what it returns.
        dim: width D.
        heads: number of attention heads.
        ffn: width of the hidden layer.
        dropout: rate, on attention weights and the residual branches.
        rotary: turn queries and keys by their positions.
    """

    def __init__(
        self, *, mixer: nn.Module, dim: int, heads: int, ffn: int, dropout: float, rotary: bool
    ) -> None:
        super().__init__()
        self.attention = Attention(dim=dim, heads=heads, dropout=dropout, rotary=rotary)
        self.mixer, self.norm = mixer, nn.LayerNorm(dim)
        self.mlp = feed_forward(dim=dim, hidden=ffn, dropout=dropout)
        self.dropout = Dropout(dropout)

    def forward(
        self, x_BLD: Tensor, length_B: Tensor | None = None, bias: Tensor | None = None
    ) -> Tensor:
        """Map ``x_BLD -> x_BLD``; with lengths, attention sees all positions that are valid."""
        attended_BLD = self.attention(x_BLD, length_B=length_B, bias=bias)
        return self._deep(self.mixer(x_BLD, attended_BLD))

    def last(self, x_BLD: Tensor, length_B: Tensor, bias: Tensor | None = None) -> Tensor:
        """Map ``x_BLD -> x_B1D`` at the last valid position."""
        attended_B1D = self.attention.last(_last(x_BLD, length_B), x_BLD, length_B, bias=bias)
        return self._deep(cast(Mixer, self.mixer).last(x_BLD, attended_B1D, length_B))

    def weights(self, x_BLD: Tensor, length_B: Tensor, bias: Tensor | None = None) -> Tensor:
        """Return ``alpha_BHL`` of the last valid position."""
        return self.attention.weights(_last(x_BLD, length_B), x_BLD, length_B, bias=bias)

    def map(
        self, x_BLD: Tensor, length_B: Tensor | None = None, bias: Tensor | None = None
    ) -> Tensor:
        """Return ``alpha_BHLL`` of every position."""
        return self.attention.map(x_BLD, x_BLD, length_B, bias=bias)

    def _deep(self, y_BLD: Tensor) -> Tensor:
        return self.norm(y_BLD + self.dropout(self.mlp(y_BLD)))


def _last(x_BLD: Tensor, length_B: Tensor) -> Tensor:
    return at_position(x_BLD, length_B - 1).unsqueeze(1)
