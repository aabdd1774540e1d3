"""Attention beside differences of neighbouring events (the branch of KERec, 2026)."""

from functools import partial
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn

from seqrec.encoder import _stack
from seqrec.encoder._post_norm import PostNormBlock
from seqrec.layers.dropout import Dropout
from seqrec.shapes import History, at_position


class DifferenceMixer(nn.Module):
    """``norm(x + dropout(attended + a D(x)))`` with a learned a.

    ``D(x)_t`` is a weighted mean of ``x_t``, of first differences ``x_t - x_{t-s}`` and of second
    ones ``x_t - 2 x_{t-s} + x_{t-2s}``, with zeros before the start. A hidden layer that reads all
    of them gives the weights, a softmax, at each position.

    Args:
        dim: width D.
        steps: the distances s.
        share: a at first.
        dropout: rate, on what is added.
    """

    def __init__(self, *, dim: int, steps: list[int], share: float, dropout: float) -> None:
        super().__init__()
        self.steps, signals = steps, 1 + 2 * len(steps)
        self.share = nn.Parameter(torch.tensor(share))
        self.weigh = nn.Sequential(
            nn.Linear(signals * dim, 2 * dim), nn.GELU(), nn.Linear(2 * dim, signals)
        )
        self.norm, self.dropout = nn.LayerNorm(dim), Dropout(dropout)

    def forward(self, x_BLD: Tensor, attended_BLD: Tensor) -> Tensor:
        """Map both to the block's sum, ``(B, L, D)``."""
        return self._joined(x_BLD, attended_BLD, self._signals(x_BLD))

    def last(self, x_BLD: Tensor, attended_B1D: Tensor, length_B: Tensor) -> Tensor:
        """Return the same at the last valid position, ``(B, 1, D)``."""
        signal_B1E = at_position(self._signals(x_BLD), length_B - 1).unsqueeze(1)
        x_B1D = at_position(x_BLD, length_B - 1).unsqueeze(1)
        return self._joined(x_B1D, attended_B1D, signal_B1E)

    def _joined(self, x_BLD: Tensor, attended_BLD: Tensor, signal_BLE: Tensor) -> Tensor:
        weight_BL1N = self.weigh(signal_BLE).softmax(-1).unsqueeze(-2)
        signal_BLND = signal_BLE.unflatten(-1, (1 + 2 * len(self.steps), x_BLD.shape[-1]))
        mixed_BLD = (weight_BL1N.to(signal_BLND.dtype) @ signal_BLND).squeeze(-2)
        return self.norm(x_BLD + self.dropout(attended_BLD + self.share * mixed_BLD))

    def _signals(self, x_BLD: Tensor) -> Tensor:
        """Return the input and its differences side by side, ``(B, L, signals * D)``."""
        signals = [x_BLD]
        for step in self.steps:
            once_BLD, twice_BLD = _later(x_BLD, step), _later(x_BLD, 2 * step)
            signals += [x_BLD - once_BLD, x_BLD - 2 * once_BLD + twice_BLD]
        return torch.cat(signals, -1)


class Difference(nn.Module):
    """Blocks whose attention stands beside differences of the block's input.

    Args:
        further: positions that the objective's question adds to a history of `max_length`.
        dim: width D, a multiple of `heads`.
        max_length: maximum L; a longer input is an error.
        layers: number of blocks.
        heads: number of attention heads in each block.
        ffn: width of a block's hidden layer; null: ``4 * dim``.
        steps: distances of the events that are subtracted.
        share: of the differences beside attention at first; it is learned.
        dropout: rate, on attention weights and residual branches.
        positions: see :class:`~seqrec.encoder.transformer.Transformer`.
        std: standard deviation of the blocks' initial weights; null: torch's default.
    """

    causal: ClassVar[bool] = True

    def __init__(
        self,
        *,
        further: int,
        dim: int,
        max_length: int,
        layers: int = 2,
        heads: int = 2,
        ffn: int | None = None,
        steps: list[int] | None = None,
        share: float = 0.1,
        dropout: float = 0.0,
        positions: Literal["start", "end", "rotary", "relative", "none"] = "start",
        std: float | None = None,
    ) -> None:
        super().__init__()
        steps = [1, 3, 5] if steps is None else steps
        if not steps or min(steps) < 1:
            raise ValueError(f"encoder.steps={steps}: one or more distances of at least 1")
        mixer = partial(DifferenceMixer, dim=dim, steps=steps, share=share, dropout=dropout)
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


def _later(x_BLD: Tensor, step: int) -> Tensor:
    """Return each position's vector `step` positions later, zeros at first."""
    return nn.functional.pad(x_BLD, (0, 0, step, 0))[:, : x_BLD.shape[1]]
