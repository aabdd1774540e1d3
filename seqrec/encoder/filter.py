"""Attention beside a low-pass filter of the history (BSARec, Shin et al. 2024, made causal)."""

import math
from functools import partial
from typing import Any, ClassVar, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from seqrec.encoder import _stack
from seqrec.encoder._post_norm import PostNormBlock
from seqrec.layers.dropout import Dropout
from seqrec.shapes import History, at_position, position_mask


def low_pass(window: int, lowest: int) -> Tensor:
    """Return ``tap_W``: what the event j before the last weighs there in the low frequencies.

    ``tap_j = (1 + 2 sum_k cos(2 pi k j / W)) / W``, k from 1 to ``lowest // 2``: the last position
    of the inverse Fourier transform of a window of W events whose other frequencies are cut off.
    """
    j_W = torch.arange(window, dtype=torch.float64)[:, None]
    k_K = torch.arange(1, lowest // 2 + 1, dtype=torch.float64)
    return ((1 + 2 * torch.cos(2 * math.pi * k_K * j_W / window).sum(1)) / window).float()


class FilterMixer(nn.Module):
    """``a norm(x + dropout(F(x))) + (1 - a) norm(x + dropout(attended))`` (equations 6 to 9).

    ``F(x) = low(x) + b^2 (x - low(x))`` with a learned b of each channel. BSARec transforms the
    whole window, so its states see what comes later. At the last position that is a sum over the
    events before, with weights that depend on their distance alone, and here every position has
    this sum: a causal convolution.

    Args:
        dim: width D.
        window: events of the filter.
        lowest: frequencies that pass.
        learned: learn the weights, for each channel; they begin as the low pass.
        share: a, of the filter.
        dropout: rate, on both branches.
    """

    tap_DW: Tensor

    def __init__(
        self, *, dim: int, window: int, lowest: int, learned: bool, share: float, dropout: float
    ) -> None:
        super().__init__()
        tap_W = low_pass(window, lowest)
        if learned:
            self.tap_DW = nn.Parameter(tap_W.expand(dim, -1).clone())
        else:
            self.register_buffer("tap_DW", tap_W[None], persistent=False)
        self.window, self.learned, self.share = window, learned, share
        self.high_D = nn.Parameter(torch.ones(dim))
        self.norm_1, self.norm_2 = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.dropout = Dropout(dropout)

    def forward(self, x_BLD: Tensor, attended_BLD: Tensor) -> Tensor:
        """Map both to the block's sum, ``(B, L, D)``."""
        return self._joined(x_BLD, attended_BLD, self._low(x_BLD))

    def last(self, x_BLD: Tensor, attended_B1D: Tensor, length_B: Tensor) -> Tensor:
        """Return the same at the last valid position, ``(B, 1, D)``."""
        width = x_BLD.shape[1]
        age_BL = length_B[:, None] - 1 - torch.arange(width, device=x_BLD.device)
        inside_BL = position_mask(length_B, width) & (age_BL < self.window)
        tap_BLD = F.embedding(age_BL.clamp(0, self.window - 1), self.tap_DW.t())
        low_BD = (tap_BLD * inside_BL[..., None] * x_BLD).sum(1)
        x_B1D = at_position(x_BLD, length_B - 1).unsqueeze(1)
        return self._joined(x_B1D, attended_B1D, low_BD.unsqueeze(1))

    def _low(self, x_BLD: Tensor) -> Tensor:
        width, dim = x_BLD.shape[1:]
        if not self.learned:  # the same weights in every channel: one product with a matrix
            index_L = torch.arange(width, device=x_BLD.device)
            age_LL = index_L[:, None] - index_L
            tap_LL = self.tap_DW[0][age_LL.clamp(0, self.window - 1)]
            return (tap_LL * ((age_LL >= 0) & (age_LL < self.window))).to(x_BLD.dtype) @ x_BLD
        x_BDL = F.pad(x_BLD.transpose(1, 2), (self.window - 1, 0))
        return F.conv1d(x_BDL, self.tap_DW.flip(1)[:, None], groups=dim).transpose(1, 2)

    def _joined(self, x_BLD: Tensor, attended_BLD: Tensor, low_BLD: Tensor) -> Tensor:
        passed_BLD = low_BLD + self.high_D**2 * (x_BLD - low_BLD)
        filtered_BLD = self.norm_1(x_BLD + self.dropout(passed_BLD))
        attended_BLD = self.norm_2(x_BLD + self.dropout(attended_BLD))
        return self.share * filtered_BLD + (1 - self.share) * attended_BLD


class Filter(nn.Module):
    """Blocks whose attention stands beside a filter that lets low frequencies pass.

    Args:
        further: positions that the objective's question adds to a history of `max_length`.
        dim: width D, a multiple of `heads`.
        max_length: maximum L; a longer input is an error.
        layers: number of blocks.
        heads: number of attention heads in each block.
        ffn: width of a block's hidden layer; null: ``4 * dim``.
        window: events of the filter; null: `max_length`.
        lowest: frequencies that pass.
        taps: weights of the filter: ``fixed``, or ``learned`` for each channel, which takes a
            product of each event with each of `window` others.
        share: of the filter beside attention, 0 to 1.
        dropout: rate, on attention weights and residual branches.
        positions: see :class:`~seqrec.encoder.transformer.Transformer`.
        std: standard deviation of the blocks' initial weights; null: torch's default.
    """

    causal: ClassVar[bool] = True
    bounds: ClassVar[dict[str, tuple[int, str | int]]] = {
        "window": (1, "max_length"),
        "lowest": (1, "max_length"),
        "share": (0, 1),
    }

    def __init__(
        self,
        *,
        further: int,
        dim: int,
        max_length: int,
        layers: int = 2,
        heads: int = 2,
        ffn: int | None = None,
        window: int | None = None,
        lowest: int = 5,
        taps: Literal["fixed", "learned"] = "fixed",
        share: float = 0.7,
        dropout: float = 0.0,
        positions: Literal["start", "end", "rotary", "relative", "none"] = "start",
        std: float | None = None,
    ) -> None:
        super().__init__()
        mixer = partial(
            FilterMixer,
            dim=dim,
            window=max_length if window is None else window,
            lowest=lowest,
            learned=taps == "learned",
            share=share,
            dropout=dropout,
        )
        options: dict[str, Any] = {"dim": dim, "heads": heads, "ffn": ffn or 4 * dim}
        options |= {"dropout": dropout, "rotary": positions == "rotary"}
        _stack.prepare(
            self,
            lambda: PostNormBlock(mixer=mixer(), **options),
            dim=dim,
            max_length=max_length + further,
            layers=layers,
            heads=heads,
            positions=positions,
            time=None,
            std=std,
        )
        self.norm = nn.Identity()  # each block ends in its norm

    def forward(self, x_BLD: Tensor, history: History) -> Tensor:
        """Map ``x_BLD -> h_BLD``."""
        return _stack.states(self, x_BLD, history)

    def last(self, x_BLD: Tensor, history: History) -> Tensor:
        """Map ``x_BLD -> h_BD``: the output at the last valid position, at half the cost."""
        return _stack.last_state(self, x_BLD, history)

    def weights(self, x_BLD: Tensor, history: History) -> Tensor:
        """Return ``alpha_BHL``: the last block's attention weights at the last valid position."""
        return _stack.last_weights(self, x_BLD, history)

    def maps(self, x_BLD: Tensor, history: History) -> list[Tensor]:
        """Return ``alpha_BHLL`` of every block, the first block first."""
        return _stack.maps_of(self, x_BLD, history)
