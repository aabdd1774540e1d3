"""Attention with dropout on its weights, on a CPU, without the weights in memory.

torch's fused kernel has no dropout on a CPU: with dropout, torch materialises the L x L weights of
every sequence, future half included, and keeps three copies for the backward pass. Here a few
sequences and rows are processed at a time, in the CPU's caches, and the backward pass recomputes
the weights, and the masks from their two keys (Dao et al. 2022, FlashAttention, section 3).
"""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from seqrec.layers.dropout import draw_keys, keep_mask
from seqrec.shapes import position_mask

ROWS = 112  # of a sequence's weights at a time, so that little of the future is computed
CHUNK_BYTES = 2 * 2**20  # weights held at once


def causal_attention(qkv_BL3HW: Tensor, p: float, bias: Tensor | None = None) -> Tensor:
    """Return ``dropout(softmax(q k^T / sqrt(W) + bias + causal mask)) v`` of every head.

    Matrix products run in the type of the input, the softmax in float32.

    Args:
        qkv_BL3HW: queries, keys and values, of width W in each of H heads.
        p: share of the weights that are zeroed; the rest is scaled by ``1 / (1 - p)``.
        bias: of each query with each key, (B, H, L, L), or (1, H, L, L) for all sequences.

    Returns:
        ``y_BLHW`` in the type of the input.
    """
    return _Attention.apply(qkv_BL3HW, p, draw_keys() if p else None, None, bias)


def padded_attention(
    qkv_BL3HW: Tensor, p: float, length_B: Tensor, bias: Tensor | None = None
) -> Tensor:
    """Return the same where every position attends to all that are valid.

    Args:
        qkv_BL3HW, p, bias: as above.
        length_B: valid positions of each sequence, at least 1.
    """
    return _Attention.apply(qkv_BL3HW, p, draw_keys() if p else None, length_B, bias)


class _Attention(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        qkv: Tensor,
        p: float,
        keys: tuple[int, int] | None,
        length: Tensor | None,
        bias: Tensor | None,
    ) -> Tensor:
        q, k, v = qkv.permute(2, 0, 3, 1, 4)  # each (B, H, L, W)
        y_BLHW = torch.empty_like(qkv[:, :, 0], memory_format=torch.contiguous_format)
        y = y_BLHW.transpose(1, 2)
        for at, rows, past, start in _chunks(q, length is None):
            seen = None if length is None else length[at]
            added = _part(bias, at, rows, past)
            alpha = _weights(q[at, :, rows], k[at, :, past], seen, added)
            if keys:
                alpha *= _mask(alpha, p, keys, start)
            y[at, :, rows] = alpha.to(v.dtype) @ v[at, :, past]
        ctx.save_for_backward(qkv, y_BLHW, bias)
        ctx.p, ctx.keys, ctx.length = p, keys, length
        return y_BLHW

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:  # type: ignore[override]
        qkv, y, bias = ctx.saved_tensors
        grad_qkv = torch.zeros_like(qkv)
        grad_bias = None if bias is None else torch.zeros_like(bias)
        q, k, v = qkv.permute(2, 0, 3, 1, 4)
        grad_q, grad_k, grad_v = grad_qkv.permute(2, 0, 3, 1, 4)
        grad_y = grad.transpose(1, 2)
        # softmax: alpha * (slope - sum of alpha * slope), where the sum follows from the output
        mean = (grad * y).sum(-1, dtype=torch.float32).transpose(1, 2).unsqueeze(-1)
        scale = q.shape[-1] ** -0.5
        for at, rows, past, start in _chunks(q, ctx.length is None):
            q_rows, k_past, v_past = q[at, :, rows], k[at, :, past], v[at, :, past]
            grad_rows = grad_y[at, :, rows]
            length = None if ctx.length is None else ctx.length[at]
            dropped = alpha = _weights(q_rows, k_past, length, _part(bias, at, rows, past))
            slope = (grad_rows @ v_past.transpose(2, 3)).float()
            if ctx.keys:
                mask = _mask(alpha, ctx.p, ctx.keys, start)
                slope *= mask
                dropped = mask.mul_(alpha)
            slope = slope.sub_(mean[at, :, rows]).mul_(alpha)
            if grad_bias is not None:
                own = _part(grad_bias, at, rows, past)
                own += slope if len(bias) > 1 else slope.sum(0, keepdim=True)
            slope = slope.mul_(scale).to(q.dtype)
            grad_v[at, :, past] += dropped.to(v.dtype).transpose(2, 3) @ grad_rows
            grad_q[at, :, rows] = slope @ k_past
            grad_k[at, :, past] += slope.transpose(2, 3) @ q_rows
        return grad_qkv, None, None, None, grad_bias


def _chunks(q_BHLW: Tensor, causal: bool = True) -> Iterator[tuple[slice, slice, slice, int]]:
    """Yield some sequences, some of their rows, the keys these see, and the weights so far."""
    sequences, heads, width = q_BHLW.shape[:3]
    start, blocks = 0, -(-width // ROWS)
    edges = [width * i // blocks for i in range(blocks + 1)]
    for first, last in pairwise(edges):
        seen = last if causal else width
        weights = heads * (last - first) * seen
        step = max(1, CHUNK_BYTES // (4 * weights))
        for sequence in range(0, sequences, step):
            at = slice(sequence, min(sequence + step, sequences))
            yield at, slice(first, last), slice(0, seen), start
            start += (at.stop - sequence) * weights


def _part(bias: Any, at: slice, rows: slice, past: slice) -> Any:
    """Return the part of a bias, if there is one, that some rows of some sequences need."""
    if bias is None:
        return None
    return bias[at if len(bias) > 1 else slice(None), :, rows, past]


def _weights(q: Tensor, k: Tensor, length: Tensor | None, bias: Tensor | None) -> Tensor:
    """Return the softmax over the keys that are valid, or that each of the last rows sees."""
    rows, keys = q.shape[2], k.shape[2]
    score = ((q * q.shape[-1] ** -0.5) @ k.transpose(2, 3)).float()
    if bias is not None:
        score += bias
    if length is not None:
        score.masked_fill_(~position_mask(length, keys)[:, None, None], -torch.inf)
        return torch.softmax(score, -1, out=score)
    future = torch.ones(rows, keys, dtype=torch.bool).triu(keys - rows + 1)
    score += torch.zeros(rows, keys).masked_fill_(future, -torch.inf)
    return torch.softmax(score, -1, out=score)


def _mask(alpha: Tensor, p: float, keys: tuple[int, int], start: int) -> Tensor:
    """Return float32 multipliers, 0 or ``1 / (1 - p)``."""
    kept = keep_mask(alpha.numel(), p, keys, start).view(alpha.shape)
    return kept.to(torch.float32).mul_(1 / (1 - p))
