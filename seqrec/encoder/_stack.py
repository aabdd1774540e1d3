"""What every stack of attention blocks does: positions, then block after block.

An encoder that is such a stack calls :func:`prepare`, which gives it `blocks`, `positions` and what
these need, sets a final `norm`, and hands itself to the other functions.
"""

from collections.abc import Callable
from typing import Any, Literal, Protocol, cast

import torch
from torch import Tensor, nn

from seqrec.layers.score_bias import ScoreBias
from seqrec.shapes import History, at_position, position_mask

Positions = Literal["start", "end", "rotary", "relative", "none"]
Time = Literal["events", "request"]


class Block(Protocol):
    """A block of a stack.

    With `length_B` every position sees all that are valid, else those before it. `bias` is added to
    the scores of the attention, (B or 1, H, Q, L).
    """

    def __call__(
        self, x_BLD: Tensor, length_B: Tensor | None = None, bias: Tensor | None = None
    ) -> Tensor: ...

    def last(self, x_BLD: Tensor, length_B: Tensor, bias: Tensor | None = None) -> Tensor:
        """Map ``x_BLD -> x_B1D`` at the last valid position."""
        ...

    def weights(self, x_BLD: Tensor, length_B: Tensor, bias: Tensor | None = None) -> Tensor:
        """Return ``alpha_BHL`` of the last valid position."""
        ...

    def map(
        self, x_BLD: Tensor, length_B: Tensor | None = None, bias: Tensor | None = None
    ) -> Tensor:
        """Return ``alpha_BHLL`` of every position."""
        ...


def prepare(
    stack: Any,
    block: Callable[[], nn.Module],
    *,
    dim: int,
    max_length: int,
    layers: int,
    heads: int,
    positions: Positions,
    time: Time | None,
    std: float | None,
    head_width: int | None = None,
) -> None:
    """Give a new encoder its positions and blocks, with initial weights of spread `std`."""
    if heads < 1 or (head_width is None and dim % heads):
        raise ValueError(f"encoder.heads={heads} must divide dim={dim}")
    stack.max_length, stack.positions = max_length, positions
    if positions in ("start", "end"):
        stack.position = nn.Embedding(max_length, dim)
        nn.init.normal_(stack.position.weight, std=0.02)
    reach = max_length if positions == "relative" else 0
    stack.bias = ScoreBias(heads=heads, reach=reach, time=time) if reach or time else None
    stack.blocks = nn.ModuleList(block() for _ in range(layers))
    if std is not None:
        for module in stack.blocks.modules():
            if isinstance(module, nn.Linear):
                nn.init.normal_(module.weight, std=std)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)


def states(stack: Any, x_BLD: Tensor, history: History) -> Tensor:
    """Return ``h_BLD``."""
    x_BLD, given = _with_positions(stack, x_BLD, history), _given(stack, x_BLD, history)
    for block in stack.blocks:
        x_BLD = block(x_BLD, *given)
    return stack.norm(x_BLD)


def last_state(stack: Any, x_BLD: Tensor, history: History) -> Tensor:
    """Return ``h_BD`` at the last valid position; the last block computes that one alone."""
    x_BLD, final = _before_last_block(stack, x_BLD, history)
    if final is None:
        return stack.norm(at_position(x_BLD, history.length_B - 1))
    bias = _last_bias(stack, x_BLD, history)
    return stack.norm(final.last(x_BLD, history.length_B, bias).squeeze(1))


def last_weights(stack: Any, x_BLD: Tensor, history: History) -> Tensor:
    """Return ``alpha_BHL``: the last block's attention at the last valid position.

    Without blocks there are no heads: H is 0.
    """
    x_BLD, final = _before_last_block(stack, x_BLD, history)
    if final is None:
        return x_BLD.new_zeros(len(x_BLD), 0, x_BLD.shape[1])
    return final.weights(x_BLD, history.length_B, _last_bias(stack, x_BLD, history))


def maps_of(stack: Any, x_BLD: Tensor, history: History) -> list[Tensor]:
    """Return ``alpha_BHLL`` of every block, the first block first."""
    x_BLD, given = _with_positions(stack, x_BLD, history), _given(stack, x_BLD, history)
    maps = []
    for block in stack.blocks:
        maps.append(cast(Block, block).map(x_BLD, *given))
        x_BLD = block(x_BLD, *given)
    return maps


def _before_last_block(stack: Any, x_BLD: Tensor, history: History) -> tuple[Tensor, Block | None]:
    """Return the input of the last block, and that block (None without blocks)."""
    x_BLD = _with_positions(stack, x_BLD, history)
    if len(stack.blocks) > 1:
        given = _given(stack, x_BLD, history)
        for block in stack.blocks[:-1]:
            x_BLD = block(x_BLD, *given)
    return x_BLD, cast(Block, stack.blocks[-1]) if len(stack.blocks) else None


def _given(stack: Any, x_BLD: Tensor, history: History) -> tuple[Tensor | None, Tensor | None]:
    """Return the lengths, if positions see all that are valid, and the bias of all positions."""
    length_B = None if stack.causal else history.length_B
    if stack.bias is None:
        return length_B, None
    width = x_BLD.shape[1]
    return length_B, stack.bias(history, torch.arange(width, device=x_BLD.device)[None], width)


def _last_bias(stack: Any, x_BLD: Tensor, history: History) -> Tensor | None:
    """Return the bias of the last valid position."""
    if stack.bias is None:
        return None
    return stack.bias(history, history.length_B[:, None] - 1, x_BLD.shape[1])


def _with_positions(stack: Any, x_BLD: Tensor, history: History) -> Tensor:
    """Add positions to the item vectors."""
    width, length_B = x_BLD.shape[1], history.length_B
    if width > stack.max_length:
        raise ValueError(f"{width} positions exceed max_length={stack.max_length}")
    if stack.positions == "start":
        return x_BLD + stack.position.weight[:width]
    if stack.positions == "end":
        index_L = torch.arange(width, device=length_B.device)
        index_BL = (length_B[:, None] - 1 - index_L).clamp(min=0)
        return x_BLD + stack.position(index_BL) * position_mask(length_B, width).unsqueeze(-1)
    return x_BLD
