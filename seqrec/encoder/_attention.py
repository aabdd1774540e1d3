"""Multi-head self-attention of the transformer, and what it is at one position."""

import math
from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from seqrec.encoder._pruned import By, dense, pruned
from seqrec.layers.causal_attention import causal_attention, padded_attention
from seqrec.layers.dropout import Dropout
from seqrec.layers.read_out import prefix_softmax
from seqrec.layers.rotary import Rotary
from seqrec.shapes import position_mask


class Attention(nn.Module):
    """Multi-head self-attention: torch's fused kernel, or our own for dropout on a CPU.

    Args:
        dim: width D, a multiple of `heads` unless `width` is given.
        heads: number of attention heads.
        dropout: rate, applied to the attention weights.
        rotary: turn queries and keys by their positions.
        keep: events that are kept of what lies further back (see
            :func:`~seqrec.encoder._pruned.pruned`); None: all. It takes no bias.
        keep_by: what they are chosen by.
        width: of each head; None: ``dim / heads``.
    """

    def __init__(
        self,
        *,
        dim: int,
        heads: int,
        dropout: float,
        rotary: bool = False,
        keep: int | None = None,
        keep_by: By = "attention",
        width: int | None = None,
    ) -> None:
        super().__init__()
        self.heads, self.width, self.dropout = heads, width or dim // heads, dropout
        self.keep, self.keep_by = keep, keep_by
        self.qkv = nn.Linear(dim, 3 * heads * self.width)
        self.out = nn.Linear(heads * self.width, dim)
        self.rotary = Rotary(width=self.width) if rotary else None

    def forward(
        self,
        x_BLD: Tensor,
        source_BLD: Tensor | None = None,
        length_B: Tensor | None = None,
        *,
        bias: Tensor | None = None,
    ) -> Tensor:
        """Map ``x_BLD -> x_BLD``; position t attends to positions ``<= t``.

        Args:
            x_BLD: input of the queries.
            source_BLD: input of the keys and values; None: `x_BLD`.
            length_B: if given, every position attends to all that are valid.
            bias: added to the scores, (B or 1, H, L, L); here and below, of queries by keys.
        """
        if source_BLD is None:
            qkv_BLE = self.qkv(x_BLD)
        else:
            qkv_BLE = torch.cat([self._query(x_BLD), self._key_value(source_BLD)], -1)
        qkv_BL3HW = qkv_BLE.unflatten(-1, (3, self.heads, self.width))
        if self.rotary is not None:
            q_k, v = qkv_BL3HW.split([2, 1], 2)
            turned = self.rotary(q_k.flatten(2, 3), _positions(q_k))
            qkv_BL3HW = torch.cat([turned.view_as(q_k), v], 2)
        p = self.dropout if self.training else 0.0
        if self.keep is not None:
            y_BLHW = torch.cat([y for _, _, y in self._pruned(qkv_BL3HW)], 2).transpose(1, 2)
        elif p and x_BLD.device.type == "cpu" and not torch.compiler.is_compiling():
            y_BLHW = (
                causal_attention(qkv_BL3HW, p, bias)
                if length_B is None
                else padded_attention(qkv_BL3HW, p, length_B, bias)
            )
        else:
            q, k, v = qkv_BL3HW.permute(2, 0, 3, 1, 4)
            mask = None if length_B is None else _valid_keys(length_B, x_BLD.shape[1])
            if bias is not None:
                seen = ~_future(x_BLD) if mask is None else mask
                mask = bias.masked_fill(~seen, -torch.inf).to(q.dtype)
            y = F.scaled_dot_product_attention(
                q, k, v, attn_mask=mask, dropout_p=p, is_causal=mask is None
            )
            y_BLHW = y.transpose(1, 2)
            if bias is not None:  # whose kernel may leave another order, unknown to an export
                y_BLHW = y_BLHW.clone(memory_format=torch.contiguous_format)
        return self.out(y_BLHW.flatten(2))

    def last(
        self, x_B1D: Tensor, source_BLD: Tensor, length_B: Tensor, *, bias: Tensor | None = None
    ) -> Tensor:
        """Return the output at the last valid position, whose input is `x_B1D`."""
        q, k, v = self._one(x_B1D, source_BLD, length_B[:, None] - 1)
        mask = _valid_keys(length_B, source_BLD.shape[1])
        if bias is not None:
            mask = bias.masked_fill(~mask, -torch.inf).to(q.dtype)
        y = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        return self.out(y.transpose(1, 2).flatten(2))

    def weights(
        self, x_B1D: Tensor, source_BLD: Tensor, length_B: Tensor, *, bias: Tensor | None = None
    ) -> Tensor:
        """Return ``alpha_BHL`` of the last valid position, whose input is `x_B1D`."""
        q, k, _ = self._one(x_B1D, source_BLD, length_B[:, None] - 1)
        e_BHL = self._scores(q, k, bias).squeeze(2)
        return prefix_softmax(e_BHL, length_B - 1)

    def map(
        self,
        x_BLD: Tensor,
        source_BLD: Tensor,
        length_B: Tensor | None = None,
        *,
        bias: Tensor | None = None,
    ) -> Tensor:
        """Return ``alpha_BHLL``, the weights of every position; see :meth:`forward`."""
        q, k, v = self._one(x_BLD, source_BLD, _positions(x_BLD))
        if self.keep is not None:
            qkv_BL3HW = torch.stack([q, k, v], 2).permute(0, 3, 2, 1, 4)
            length, parts = x_BLD.shape[1], self._pruned(qkv_BL3HW)
            return torch.cat([dense(place, alpha, length) for place, alpha, _ in parts], 2)
        e_BHLL = self._scores(q, k, bias)
        if length_B is not None:
            hidden = ~_valid_keys(length_B, x_BLD.shape[1])
            return e_BHLL.masked_fill(hidden, -torch.inf).softmax(-1)
        return e_BHLL.masked_fill(_future(x_BLD), -torch.inf).softmax(-1)

    def _pruned(self, qkv_BL3HW: Tensor) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        assert self.keep is not None
        q, k, v = qkv_BL3HW.permute(2, 0, 3, 1, 4)
        dropout = Dropout(self.dropout).train(self.training)
        return pruned(q, k, v, keep=self.keep, by=self.keep_by, dropout=dropout)

    def _scores(self, q: Tensor, k: Tensor, bias: Tensor | None) -> Tensor:
        e_BHQL = (q @ k.transpose(2, 3)).float() / math.sqrt(self.width)
        return e_BHQL if bias is None else e_BHQL + bias

    def _one(
        self, x_BQD: Tensor, source_BLD: Tensor, at_BQ: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return queries of `x_BQD`, and keys and values of all positions: (B, H, Q or L, W).

        `at_BQ` are the queries' positions, for all sequences or for each.
        """
        q = self._query(x_BQD).unflatten(-1, (self.heads, self.width))
        k, v = self._key_value(source_BLD).unflatten(-1, (2, self.heads, self.width)).unbind(2)
        if self.rotary is not None:
            q, k = self.rotary(q, at_BQ), self.rotary(k, _positions(k))
        return q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2)

    def _query(self, x_BLD: Tensor) -> Tensor:
        end = self.heads * self.width
        return F.linear(x_BLD, self.qkv.weight[:end], self.qkv.bias[:end])

    def _key_value(self, x_BLD: Tensor) -> Tensor:
        end = self.heads * self.width
        return F.linear(x_BLD, self.qkv.weight[end:], self.qkv.bias[end:])


def _future(x_BLD: Tensor) -> Tensor:
    """Return ``(L, L)``, True where the key comes after the query."""
    width = x_BLD.shape[1]
    return torch.ones(width, width, dtype=torch.bool, device=x_BLD.device).triu(1)


def _valid_keys(length_B: Tensor, width: int) -> Tensor:
    """Return a mask of keys, (B, 1, 1, L), for queries of any position and head."""
    return position_mask(length_B, width)[:, None, None]


def _positions(x_BL: Tensor) -> Tensor:
    """Return the positions of a tensor's second axis, (1, L)."""
    return torch.arange(x_BL.shape[1], device=x_BL.device)[None]
