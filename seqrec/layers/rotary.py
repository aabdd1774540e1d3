"""Rotary positions (Su et al. 2021, RoFormer, section 3.2): products that depend on distances."""

import torch
from torch import Tensor, nn


class Rotary(nn.Module):
    """Turn queries and keys by angles proportional to their positions.

    A query at t and a key at s then have a product that depends on ``t - s`` and not on t or s, so
    a history's window may begin anywhere. Channels i and ``W/2 + i`` are turned together, by
    ``position * base^(-2i / W)``.

    Args:
        width: W of one attention head, even.
        base: the slowest pair of channels turns once in ``2 pi base^(1 - 2/W)`` positions.
    """

    rate_F: Tensor

    def __init__(self, *, width: int, base: float = 10_000.0) -> None:
        super().__init__()
        if width % 2:
            raise ValueError(
                f"encoder.positions=rotary needs heads of an even width, and dim / heads is {width}"
            )
        exponent_F = torch.arange(0, width, 2, dtype=torch.float32) / width
        self.register_buffer("rate_F", base**-exponent_F, persistent=False)

    def forward(self, x_BLHW: Tensor, position_BL: Tensor) -> Tensor:
        """Map ``x_BLHW -> x_BLHW``, in the type of the input.

        Args:
            x_BLHW: queries or keys of every head.
            position_BL: their positions, (B, L) or (1, L).
        """
        angle_BL1F = (position_BL.unsqueeze(-1).float() * self.rate_F).unsqueeze(2)
        cos, sin = angle_BL1F.cos().to(x_BLHW.dtype), angle_BL1F.sin().to(x_BLHW.dtype)
        first, second = x_BLHW.chunk(2, -1)
        return torch.cat([first * cos - second * sin, second * cos + first * sin], -1)
