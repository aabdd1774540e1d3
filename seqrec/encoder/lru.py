"""Linear recurrent units (Orvieto et al. 2023; as an encoder of items: LRURec, Yue et al. 2024)."""

import math
from typing import ClassVar

import torch
from torch import Tensor, nn

from seqrec.encoder._feed_forward import feed_forward
from seqrec.layers.dropout import Dropout
from seqrec.layers.scan import scan
from seqrec.shapes import History


class LinearRecurrence(nn.Module):
    """``y_t = Re(C h_t)``, ``h_t = lambda h_{t-1} + gamma B x_t``, with complex h, diagonal lambda.

    ``lambda = exp(-e^nu + i e^theta)`` and ``gamma = sqrt(1 - |lambda|^2)`` (Orvieto et al. 2023,
    equations 5 and 7). With ``g_t = e^(-i t e^theta) h_t`` the recurrence is one of real factors,
    ``g_t = |lambda| g_{t-1} + gamma e^(-i t e^theta) B x_t``, so real and imaginary parts are
    states of an ordinary scan, turned before it and back after it.

    Args:
        dim: width D.
        state: number of complex states.
        max_length: as far as an exported or compiled model reaches back.
        slowest: ``|lambda|`` begins between 0.8 and this.
    """

    def __init__(self, *, dim: int, state: int, max_length: int, slowest: float = 0.99) -> None:
        super().__init__()
        self.max_length = max_length
        size_S = torch.empty(state).uniform_(0.8**2, slowest**2)  # squared: even over the ring
        self.nu_S = nn.Parameter((-0.5 * size_S.log()).log())
        self.theta_S = nn.Parameter((2 * math.pi * torch.rand(state)).clamp(min=1e-4).log())
        self.enter = nn.Linear(dim, 2 * state, bias=False)
        self.leave = nn.Linear(2 * state, dim, bias=False)

    def forward(self, x_BLD: Tensor) -> Tensor:
        """Map ``x_BLD -> y_BLD``."""
        size_S = (-self.nu_S.exp()).exp()
        gamma_S = (1 - size_S**2).sqrt()
        position_L = torch.arange(x_BLD.shape[1], device=x_BLD.device)
        angle_LS = position_L[:, None] * self.theta_S.exp()
        cos, sin = angle_LS.cos(), angle_LS.sin()
        real, imaginary = self.enter(x_BLD).float().chunk(2, -1)
        turned = torch.cat([real * cos + imaginary * sin, imaginary * cos - real * sin], -1)
        gamma, size = torch.cat([gamma_S, gamma_S]), torch.cat([size_S, size_S])
        g = scan(size.expand_as(turned), gamma * turned, longest=self.max_length)
        real, imaginary = g.chunk(2, -1)
        h = torch.cat([real * cos - imaginary * sin, real * sin + imaginary * cos], -1)
        return self.leave(h)


class Block(nn.Module):
    """``y = norm(x + recurrence(x))``, then ``norm(y + mlp(y))``."""

    def __init__(self, *, dim: int, state: int, ffn: int, max_length: int, dropout: float) -> None:
        super().__init__()
        self.recurrence = LinearRecurrence(dim=dim, state=state, max_length=max_length)
        self.mlp = feed_forward(dim=dim, hidden=ffn, dropout=dropout)
        self.norm_1, self.norm_2 = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.dropout = Dropout(dropout)

    def forward(self, x_BLD: Tensor) -> Tensor:
        """Map ``x_BLD -> x_BLD``."""
        y_BLD = self.norm_1(x_BLD + self.dropout(self.recurrence(x_BLD)))
        return self.norm_2(y_BLD + self.dropout(self.mlp(y_BLD)))


class LRU(nn.Module):
    """Blocks of a linear recurrence and a hidden layer, as in LRURec.

    Args:
        further: positions that the objective's question adds to a history of `max_length`.
        dim: width D of inputs and outputs.
        max_length: maximum L; an exported or compiled model reaches back so far.
        layers: number of blocks.
        state: complex states of each block; null: ``2 * dim``.
        ffn: width of a block's hidden layer; null: ``4 * dim``.
        dropout: rate, on the residual branches and the hidden layer.
    """

    causal: ClassVar[bool] = True

    def __init__(
        self,
        *,
        further: int,
        dim: int,
        max_length: int,
        layers: int = 2,
        state: int | None = None,
        ffn: int | None = None,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.blocks = nn.Sequential(
            *(
                Block(
                    dim=dim,
                    state=state or 2 * dim,
                    ffn=ffn or 4 * dim,
                    max_length=max_length + further,
                    dropout=dropout,
                )
                for _ in range(layers)
            )
        )

    def forward(self, x_BLD: Tensor, history: History) -> Tensor:
        """Map ``x_BLD -> h_BLD``."""
        return self.blocks(x_BLD)
