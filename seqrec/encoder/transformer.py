"""Transformer encoder (Vaswani et al. 2017), causal or not: pre-norm or SASRec blocks."""

from typing import Literal, cast

import torch
from torch import Tensor, nn

from seqrec.encoder._attention import Attention
from seqrec.layers.dropout import Dropout
from seqrec.shapes import History, at_position, position_mask


class PreNormBlock(nn.Module):
    """``x + attention(norm(x))``, then ``x + mlp(norm(x))``, with GELU (Xiong et al. 2020)."""

    def __init__(
        self,
        *,
        dim: int,
        heads: int,
        ffn: int,
        dropout: float,
        rotary: bool = False,
        width: int | None = None,
    ) -> None:
        super().__init__()
        self.norm_1, self.norm_2 = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.attention = Attention(
            dim=dim, heads=heads, dropout=dropout, rotary=rotary, width=width
        )
        self.mlp = nn.Sequential(
            nn.Linear(dim, ffn), nn.GELU(), Dropout(dropout), nn.Linear(ffn, dim)
        )
        self.dropout = Dropout(dropout)

    def forward(self, x_BLD: Tensor, length_B: Tensor | None = None) -> Tensor:
        """Map ``x_BLD -> x_BLD``; with lengths, each position sees all that are valid."""
        x_BLD = x_BLD + self.dropout(self.attention(self.norm_1(x_BLD), length_B=length_B))
        return x_BLD + self.dropout(self.mlp(self.norm_2(x_BLD)))

    def last(self, x_BLD: Tensor, length_B: Tensor) -> Tensor:
        """Map ``x_BLD -> x_B1D`` at the last valid position."""
        x_B1D = at_position(x_BLD, length_B - 1).unsqueeze(1)
        x_B1D = x_B1D + self.dropout(self.attention.last(*self._normed(x_BLD, length_B), length_B))
        return x_B1D + self.dropout(self.mlp(self.norm_2(x_B1D)))

    def weights(self, x_BLD: Tensor, length_B: Tensor) -> Tensor:
        """Return ``alpha_BHL`` of the last valid position."""
        return self.attention.weights(*self._normed(x_BLD, length_B), length_B)

    def map(self, x_BLD: Tensor, length_B: Tensor | None = None) -> Tensor:
        """Return ``alpha_BHLL`` of every position."""
        norm_BLD = self.norm_1(x_BLD)
        return self.attention.map(norm_BLD, norm_BLD, length_B)

    def _normed(self, x_BLD: Tensor, length_B: Tensor) -> tuple[Tensor, Tensor]:
        """Return the normalised input at the last valid position, and at all positions."""
        norm_BLD = self.norm_1(x_BLD)
        return at_position(norm_BLD, length_B - 1).unsqueeze(1), norm_BLD


class SASRecBlock(nn.Module):
    """``q = norm(x)``, ``y = norm(q + attention(q; x))``, then ``y + mlp(y)``, with ReLU.

    As in the code of Kang and McAuley (2018): the residual branches start from the normalised
    input, keys and values from the raw one, and dropout acts on the attention's weights only.
    Unlike there, the attention has an output projection, and the norms' epsilon is 1e-5, not 1e-8.
    """

    def __init__(
        self,
        *,
        dim: int,
        heads: int,
        ffn: int,
        dropout: float,
        rotary: bool = False,
        width: int | None = None,
    ) -> None:
        super().__init__()
        self.norm_1, self.norm_2 = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.attention = Attention(
            dim=dim, heads=heads, dropout=dropout, rotary=rotary, width=width
        )
        self.mlp = nn.Sequential(
            nn.Linear(dim, ffn), Dropout(dropout), nn.ReLU(), nn.Linear(ffn, dim), Dropout(dropout)
        )

    def forward(self, x_BLD: Tensor, length_B: Tensor | None = None) -> Tensor:
        """Map ``x_BLD -> x_BLD``; with lengths, each position sees all that are valid."""
        query_BLD = self.norm_1(x_BLD)
        y_BLD = self.norm_2(query_BLD + self.attention(query_BLD, x_BLD, length_B=length_B))
        return y_BLD + self.mlp(y_BLD)

    def last(self, x_BLD: Tensor, length_B: Tensor) -> Tensor:
        """Map ``x_BLD -> x_B1D`` at the last valid position."""
        query_B1D = self.norm_1(at_position(x_BLD, length_B - 1).unsqueeze(1))
        y_B1D = self.norm_2(query_B1D + self.attention.last(query_B1D, x_BLD, length_B))
        return y_B1D + self.mlp(y_B1D)

    def weights(self, x_BLD: Tensor, length_B: Tensor) -> Tensor:
        """Return ``alpha_BHL`` of the last valid position."""
        query_B1D = self.norm_1(at_position(x_BLD, length_B - 1).unsqueeze(1))
        return self.attention.weights(query_B1D, x_BLD, length_B)

    def map(self, x_BLD: Tensor, length_B: Tensor | None = None) -> Tensor:
        """Return ``alpha_BHLL`` of every position."""
        return self.attention.map(self.norm_1(x_BLD), x_BLD, length_B)


BLOCKS: dict[str, type[PreNormBlock] | type[SASRecBlock]] = {
    "pre_norm": PreNormBlock,
    "sasrec": SASRecBlock,
}


class Transformer(nn.Module):
    """Self-attention blocks, causal or not, with or without learned positions.

    Args:
        further: positions that the objective's question adds to a history of `max_length`.
        dim: width D, a multiple of `heads`.
        max_length: maximum L; a longer input is an error and is never truncated silently.
        layers: number of blocks.
        heads: number of attention heads in each block.
        block: ``pre_norm`` or ``sasrec``: the order of norms, residual branches and hidden layer.
        ffn: width of a block's hidden layer; null: ``4 * dim``.
        dropout: rate, on attention weights and residual branches; the embedding drops inputs.
        positions: which item has position 0. ``start``: the oldest of the window. ``end``: the
            newest, as in the left-padded reference code of SASRec; an item's position then depends
            on how many items follow it, but never on which. ``rotary``: attention knows how far
            apart two items are (see :class:`~seqrec.layers.rotary.Rotary`), so a state is the same
            wherever its window begins. ``none``: no positions; causal attention still conveys part
            of the order (Kang and McAuley 2018, section IV-F).
        causal: False: every position sees all that are valid, the later ones too, so the objective
            has to hide what it asks for, as ``masked_item`` does.
        std: standard deviation of the blocks' initial weights, with biases 0, as in BERT and GPT-2
            (0.02); null: torch's default, ``uniform(-1, 1) / sqrt(width)``.
        head_width: width of a head; null: ``dim / heads``.
    """

    causal: bool = True

    def __init__(
        self,
        *,
        further: int,
        dim: int,
        max_length: int,
        layers: int = 2,
        heads: int = 2,
        block: Literal["pre_norm", "sasrec"] = "pre_norm",
        ffn: int | None = None,
        dropout: float = 0.0,
        positions: Literal["start", "end", "rotary", "none"] = "start",
        causal: bool = True,
        std: float | None = None,
        head_width: int | None = None,
    ) -> None:
        super().__init__()
        if heads < 1 or (head_width is None and dim % heads):
            raise ValueError(f"encoder.heads={heads} must divide dim={dim}")
        self.max_length, self.positions = max_length + further, positions
        self.causal = causal
        if positions in ("start", "end"):
            self.position = nn.Embedding(self.max_length, dim)
            nn.init.normal_(self.position.weight, std=0.02)
        self.blocks = nn.ModuleList(
            BLOCKS[block](
                dim=dim,
                heads=heads,
                ffn=ffn or 4 * dim,
                dropout=dropout,
                rotary=positions == "rotary",
                width=head_width,
            )
            for _ in range(layers)
        )
        self.norm = nn.LayerNorm(dim)
        if std is not None:
            for module in self.blocks.modules():
                if isinstance(module, nn.Linear):
                    nn.init.normal_(module.weight, std=std)
                    nn.init.zeros_(module.bias)

    def forward(self, x_BLD: Tensor, history: History) -> Tensor:
        """Map ``x_BLD -> h_BLD``."""
        x_BLD = self._with_positions(x_BLD, history.length_B)
        for block in self.blocks:
            x_BLD = block(x_BLD, self._seen(history.length_B))
        return self.norm(x_BLD)

    def last(self, x_BLD: Tensor, history: History) -> Tensor:
        """Map ``x_BLD -> h_BD``: the output at the last valid position, at half the cost.

        The last block computes that position alone.
        """
        x_BLD, final = self._before_last_block(x_BLD, history.length_B)
        if final is None:
            return self.norm(at_position(x_BLD, history.length_B - 1))
        return self.norm(final.last(x_BLD, history.length_B).squeeze(1))

    def weights(self, x_BLD: Tensor, history: History) -> Tensor:
        """Return ``alpha_BHL``: the last block's attention weights at the last valid position.

        Without blocks there are no heads: H is 0.
        """
        x_BLD, final = self._before_last_block(x_BLD, history.length_B)
        if final is None:
            return x_BLD.new_zeros(len(x_BLD), 0, x_BLD.shape[1])
        return final.weights(x_BLD, history.length_B)

    def maps(self, x_BLD: Tensor, history: History) -> list[Tensor]:
        """Return ``alpha_BHLL`` of every block, the first block first."""
        seen_B, maps = self._seen(history.length_B), []
        x_BLD = self._with_positions(x_BLD, history.length_B)
        for block in self.blocks:
            maps.append(cast(PreNormBlock | SASRecBlock, block).map(x_BLD, seen_B))
            x_BLD = block(x_BLD, seen_B)
        return maps

    def _before_last_block(
        self, x_BLD: Tensor, length_B: Tensor
    ) -> tuple[Tensor, PreNormBlock | SASRecBlock | None]:
        """Return the input of the last block, and that block (None without blocks)."""
        x_BLD = self._with_positions(x_BLD, length_B)
        for block in self.blocks[:-1]:
            x_BLD = block(x_BLD, self._seen(length_B))
        final = self.blocks[-1] if self.blocks else None
        return x_BLD, cast(PreNormBlock | SASRecBlock | None, final)

    def _seen(self, length_B: Tensor) -> Tensor | None:
        """Return the lengths if they bound what a position sees: padding must not be seen."""
        return None if self.causal else length_B

    def _with_positions(self, x_BLD: Tensor, length_B: Tensor) -> Tensor:
        """Add positions to the item vectors."""
        width = x_BLD.shape[1]
        if width > self.max_length:
            raise ValueError(f"{width} positions exceed max_length={self.max_length}")
        if self.positions in ("rotary", "none"):
            return x_BLD
        if self.positions == "start":
            return x_BLD + self.position.weight[:width]
        index_L = torch.arange(width, device=length_B.device)
        index_BL = (length_B[:, None] - 1 - index_L).clamp(min=0)
        return x_BLD + self.position(index_BL) * position_mask(length_B, width).unsqueeze(-1)
