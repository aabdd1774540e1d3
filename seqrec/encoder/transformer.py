"""Transformer encoder (Vaswani et al. 2017), causal or not: pre-norm or SASRec blocks."""

from typing import Any, ClassVar, Literal

from torch import Tensor, nn

from seqrec.encoder import _stack
from seqrec.encoder._attention import Attention
from seqrec.layers.dropout import Dropout
from seqrec.shapes import History, at_position


class PreNormBlock(nn.Module):
    """``x + attention(norm(x))``, then ``x + mlp(norm(x))``, with GELU (Xiong et al. 2020)."""

    def __init__(self, *, attention: Attention, dim: int, ffn: int, dropout: float) -> None:
        super().__init__()
        self.norm_1, self.norm_2 = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.attention = attention
        self.mlp = nn.Sequential(
            nn.Linear(dim, ffn), nn.GELU(), Dropout(dropout), nn.Linear(ffn, dim)
        )
        self.dropout = Dropout(dropout)

    def forward(
        self, x_BLD: Tensor, length_B: Tensor | None = None, bias: Tensor | None = None
    ) -> Tensor:
        """Map ``x_BLD -> x_BLD``; with lengths, each position sees all that are valid."""
        y_BLD = self.attention(self.norm_1(x_BLD), length_B=length_B, bias=bias)
        x_BLD = x_BLD + self.dropout(y_BLD)
        return x_BLD + self.dropout(self.mlp(self.norm_2(x_BLD)))

    def last(self, x_BLD: Tensor, length_B: Tensor, bias: Tensor | None = None) -> Tensor:
        """Map ``x_BLD -> x_B1D`` at the last valid position."""
        x_B1D = at_position(x_BLD, length_B - 1).unsqueeze(1)
        one_B1D, norm_BLD = self._normed(x_BLD, length_B)
        y_B1D = self.attention.last(one_B1D, norm_BLD, length_B, bias=bias)
        x_B1D = x_B1D + self.dropout(y_B1D)
        return x_B1D + self.dropout(self.mlp(self.norm_2(x_B1D)))

    def weights(self, x_BLD: Tensor, length_B: Tensor, bias: Tensor | None = None) -> Tensor:
        """Return ``alpha_BHL`` of the last valid position."""
        return self.attention.weights(*self._normed(x_BLD, length_B), length_B, bias=bias)

    def map(
        self, x_BLD: Tensor, length_B: Tensor | None = None, bias: Tensor | None = None
    ) -> Tensor:
        """Return ``alpha_BHLL`` of every position."""
        norm_BLD = self.norm_1(x_BLD)
        return self.attention.map(norm_BLD, norm_BLD, length_B, bias=bias)

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

    def __init__(self, *, attention: Attention, dim: int, ffn: int, dropout: float) -> None:
        super().__init__()
        self.norm_1, self.norm_2 = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.attention = attention
        self.mlp = nn.Sequential(
            nn.Linear(dim, ffn), Dropout(dropout), nn.ReLU(), nn.Linear(ffn, dim), Dropout(dropout)
        )

    def forward(
        self, x_BLD: Tensor, length_B: Tensor | None = None, bias: Tensor | None = None
    ) -> Tensor:
        """Map ``x_BLD -> x_BLD``; with lengths, each position sees all that are valid."""
        query_BLD = self.norm_1(x_BLD)
        y_BLD = self.attention(query_BLD, x_BLD, length_B=length_B, bias=bias)
        y_BLD = self.norm_2(query_BLD + y_BLD)
        return y_BLD + self.mlp(y_BLD)

    def last(self, x_BLD: Tensor, length_B: Tensor, bias: Tensor | None = None) -> Tensor:
        """Map ``x_BLD -> x_B1D`` at the last valid position."""
        query_B1D = self.norm_1(at_position(x_BLD, length_B - 1).unsqueeze(1))
        y_B1D = self.attention.last(query_B1D, x_BLD, length_B, bias=bias)
        y_B1D = self.norm_2(query_B1D + y_B1D)
        return y_B1D + self.mlp(y_B1D)

    def weights(self, x_BLD: Tensor, length_B: Tensor, bias: Tensor | None = None) -> Tensor:
        """Return ``alpha_BHL`` of the last valid position."""
        query_B1D = self.norm_1(at_position(x_BLD, length_B - 1).unsqueeze(1))
        return self.attention.weights(query_B1D, x_BLD, length_B, bias=bias)

    def map(
        self, x_BLD: Tensor, length_B: Tensor | None = None, bias: Tensor | None = None
    ) -> Tensor:
        """Return ``alpha_BHLL`` of every position."""
        return self.attention.map(self.norm_1(x_BLD), x_BLD, length_B, bias=bias)


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
            wherever its window begins. ``relative``: likewise, by a learned bias for each distance
            and head (see :class:`~seqrec.layers.score_bias.ScoreBias`). ``none``: no positions;
            causal attention still conveys part of the order (Kang and McAuley 2018, section IV-F).
        time: a learned bias by the time between two ``events``, or between an event and the
            ``request``, the time of the event after the position; null: times aren't read.
        causal: False: every position sees all that are valid, the later ones too, so the objective
            has to hide what it asks for, as ``masked_item`` does.
        keep: for histories of thousands of events: attention sees at most so many of the events
            before the latest ones, of which it sees as many again (see
            :func:`~seqrec.encoder._pruned.pruned`); null: all.
        keep_by: what they are chosen by, in every head of every block: the ``attention`` that they
            had, ``recency``, or the ``norm`` of their values.
        std: standard deviation of the blocks' initial weights, with biases 0, as in BERT and GPT-2
            (0.02); null: torch's default, ``uniform(-1, 1) / sqrt(width)``.
        head_width: width of a head; null: ``dim / heads``.
    """

    causal: bool = True
    bounds: ClassVar[dict[str, tuple[int, str]]] = {"keep": (1, "max_length")}
    wanted_by: ClassVar[dict[str, tuple[str, ...]]] = {"time": ("timestamp",)}

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
        positions: Literal["start", "end", "rotary", "relative", "none"] = "start",
        time: Literal["events", "request"] | None = None,
        causal: bool = True,
        keep: int | None = None,
        keep_by: Literal["attention", "recency", "norm"] = "attention",
        std: float | None = None,
        head_width: int | None = None,
    ) -> None:
        super().__init__()
        self.wanted = self.wanted_by["time"] if time else ()
        if keep is not None and (positions == "relative" or time or not causal):
            raise ValueError(
                f"encoder.keep={keep} needs attention that is causal and has no bias of scores: "
                "use causal=true, positions=rotary, start, end or none, and time=null"
            )
        self.causal = causal
        options: dict[str, Any] = {"dim": dim, "heads": heads, "dropout": dropout}
        options |= {"rotary": positions == "rotary", "keep": keep, "keep_by": keep_by}
        options |= {"width": head_width}
        sizes: dict[str, Any] = {"dim": dim, "ffn": ffn or 4 * dim, "dropout": dropout}
        self.keep = keep
        self.no_graph = None if keep is None else "encoder.keep chooses events in a loop over them"
        _stack.prepare(
            self,
            lambda: BLOCKS[block](attention=Attention(**options), **sizes),
            dim=dim,
            max_length=max_length + further,
            layers=layers,
            heads=heads,
            positions=positions,
            time=time,
            std=std,
            head_width=head_width,
        )
        self.norm = nn.LayerNorm(dim)

    def forward(self, x_BLD: Tensor, history: History) -> Tensor:
        """Map ``x_BLD -> h_BLD``."""
        return _stack.states(self, x_BLD, history)

    def last(self, x_BLD: Tensor, history: History) -> Tensor:
        """Map ``x_BLD -> h_BD``: the output at the last valid position, at half the cost.

        With `keep` all positions are computed, as what is kept depends on them.
        """
        if self.keep is not None:
            return at_position(self(x_BLD, history), history.length_B - 1)
        return _stack.last_state(self, x_BLD, history)

    def weights(self, x_BLD: Tensor, history: History) -> Tensor:
        """Return ``alpha_BHL``: the last block's attention weights at the last valid position."""
        if self.keep is not None and self.blocks:
            final_BLHL = self.maps(x_BLD, history)[-1].transpose(1, 2)
            alpha_BE = at_position(final_BLHL.flatten(2), history.length_B - 1)
            return alpha_BE.unflatten(-1, final_BLHL.shape[2:])
        return _stack.last_weights(self, x_BLD, history)

    def maps(self, x_BLD: Tensor, history: History) -> list[Tensor]:
        """Return ``alpha_BHLL`` of every block, the first block first."""
        return _stack.maps_of(self, x_BLD, history)
