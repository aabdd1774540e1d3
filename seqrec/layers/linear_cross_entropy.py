"""Exact softmax cross-entropy over a whole catalogue in bounded memory.

The (N, V) matrix of scores is never materialised: rows are processed in chunks, and the gradient
is computed in the same pass, from the exponentials that the value needs anyway. Both equal those of
``cross_entropy((query @ table.T + bias) / temperature, target)`` over the items 1 .. V-1.

Besides three matrix products, time goes into passes over the scores. There are two, for the powers
and for the sums: with ``E`` the powers and ``z`` the sums, ``softmax @ table = (E @ table) / z``
and ``softmax.T @ query = E.T @ (query / z)``, so the scores are never divided; the gradient's
one-hot part is applied without them; and their maximum is subtracted only if the vectors are long
enough for a power to leave the range of float32. Powers are of two, which is cheaper.
"""

import math
from collections.abc import Iterator
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

MEMORY_MB = 64  # scores held at once
LEAST_ROWS = 128  # without memory_mb, no fewer: each chunk passes over the table's whole gradient
MOST_ROWS = {"cpu": 384}  # and no more: larger chunks fall out of the CPU's caches
LOG2_E = 1 / math.log(2)
SAFE = 60.0  # exponents up to which any sum of powers fits float32 without subtracting the maximum
ALIGNED = 16  # floats in 64 bytes: aligned rows make the products up to twice as fast
LEAST = 1e-12  # sum of weights below which all count as none
STEP = 32  # rows are zero-padded to a multiple: few shapes, so kernels are reused


def linear_cross_entropy(
    query_ND: Tensor,
    table_VD: Tensor,
    target_N: Tensor,
    bias_V: Tensor | None = None,
    *,
    label_smoothing: float = 0.0,
    temperature: float = 1.0,
    memory_mb: float | None = None,
    weight_N: Tensor | None = None,
) -> Tensor:
    """Return the mean of ``-log softmax(score)[target]``; item 0, the padding id, is left out.

    Matrix products run in the type of `query_ND` (bfloat16, say), all else in float32.

    Args:
        query_ND: queries of the valid positions.
        table_VD: output vectors of the items.
        target_N: the target items, 1 to V-1.
        bias_V: added to the score of each item.
        label_smoothing: share of a target's weight that is spread evenly over all items.
        temperature: divides the scores.
        memory_mb: maximum MiB of scores held at once; null: 64, or what 128 rows take.
        weight_N: weights of the positions in the mean, not negative; None: all count alike.

    Returns:
        The mean over the N positions, float32; with weights, ``sum(w l) / sum(w)``.
    """
    if weight_N is not None:  # so that they sum to N
        weight_N = weight_N.float() * (len(weight_N) / weight_N.float().sum().clamp(min=LEAST))
    with_grad = torch.is_grad_enabled()  # always off inside an autograd function
    half = query_ND.dtype != torch.float32
    rows = chunk_rows(len(table_VD), query_ND.device.type, memory_mb, half)
    settings = (label_smoothing, temperature, rows, with_grad)
    return _LinearCrossEntropy.apply(query_ND, table_VD, target_N, bias_V, weight_N, *settings)


def chunk_rows(v: int, device: str, memory_mb: float | None, half: bool = False) -> int:
    """Return how many rows of scores to hold at once, over a table of `v` rows."""
    size = row_bytes(v, half)
    if memory_mb is not None:
        rows = int(memory_mb * 2**20 / size)
        if rows < 1:
            raise ValueError(
                f"loss.memory_mb={memory_mb} is too small: the scores of one position over "
                f"{v - 1} items take {size / 2**20:.1f} MiB"
            )
    else:
        rows = max(LEAST_ROWS, MEMORY_MB * 2**20 // size)
    return min(rows, MOST_ROWS.get(device, rows))


def row_bytes(v: int, half: bool) -> int:
    """Return the bytes of a position's scores: one float32 copy, or two in half precision."""
    return (8 if half else 4) * _aligned(v)


class _LinearCrossEntropy(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        query_ND: Tensor,
        table_VD: Tensor,
        target_N: Tensor,
        bias_V: Tensor | None,
        weight_N: Tensor | None,
        smoothing: float,
        temperature: float,
        rows: int,
        with_grad: bool,
    ) -> Tensor:
        n = len(query_ND)
        with_grad = with_grad and any(ctx.needs_input_grad)
        items = table_VD[1:].to(query_ND.dtype)  # item 0 is padding: never scored
        hot_N = target_N - 1
        # in base two: query . item * log2(e) / temperature
        scaled_ND = query_ND.float() * (LOG2_E / temperature)
        bias = None if bias_V is None else bias_V[1:].float() * (LOG2_E / temperature)
        right_N = (scaled_ND * table_VD[target_N].float()).sum(1)
        if bias is not None:
            right_N += bias[hot_N]
        if smoothing:
            mean_D = table_VD[1:].mean(0, dtype=torch.float32)
            mean_N = scaled_ND @ mean_D
            if bias is not None:
                mean_N += bias.mean()
            right_N.lerp_(mean_N, smoothing)
        reach = scaled_ND.norm(dim=1).amax() * items.norm(dim=1).amax()  # no score is larger
        if bias is not None:
            reach += bias.abs().amax()
        safe = items.dtype != torch.float16 and bool(reach < SAFE)  # float16 overflows at 2 ** 16
        total = -_sum(right_N, weight_N)
        filling = (0, 0, 0, -n % STEP)
        base_ND = F.pad(scaled_ND.to(query_ND.dtype), filling)
        if with_grad:
            heavy_ND = query_ND  # what pushes the items
            if weight_N is not None:
                heavy_ND = (query_ND * weight_N[:, None]).to(query_ND.dtype)
            filled_ND = F.pad(heavy_ND, filling)
            pull_ND = scaled_ND.new_empty(base_ND.shape)  # softmax-weighted items of each position
            push_VD = torch.zeros_like(items, dtype=torch.float32)
            push_V = None if bias is None else torch.zeros_like(bias)
        for at, score_CV in chunks_of_scores(base_ND, items, rows):
            real = max(0, n - at.start)  # valid rows; the rest is padding
            weight_R = None if weight_N is None else weight_N[at]
            if bias is not None:
                score_CV += bias
            if not safe:
                peak_C1 = score_CV.amax(1, keepdim=True)
                score_CV -= peak_C1
                total += _sum(peak_C1[:real, 0], weight_R)
            power_CV = score_CV.exp2_()
            sum_C1 = power_CV.sum(1, keepdim=True)
            total += _sum(sum_C1[:real, 0].log2(), weight_R)
            if with_grad:
                small_CV = power_CV.to(items.dtype)
                torch.div(small_CV @ items, sum_C1, out=pull_ND[at])
                share_CD = (filled_ND[at] / sum_C1).to(items.dtype)
                if items.dtype == torch.float32:
                    push_VD.addmm_(small_CV.T, share_CD)
                else:
                    push_VD += small_CV.T @ share_CD
                if push_V is not None:
                    one = 1 if weight_R is None else weight_R
                    push_V.addmv_(power_CV[:real].T, one / sum_C1[:real].squeeze(1))
        if with_grad:
            pull_ND = pull_ND[:n]
            _take_targets(pull_ND, push_VD, push_V, heavy_ND, table_VD, hot_N, smoothing, weight_N)
            if weight_N is not None:
                pull_ND *= weight_N[:, None]
            ctx.save_for_backward(pull_ND, push_VD, push_V)
            ctx.scale = 1 / (n * temperature)
            ctx.dtypes = query_ND.dtype, table_VD.dtype
        return (total / (n * LOG2_E)).float()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:  # type: ignore[override]
        pull_ND, push_VD, push_V = ctx.saved_tensors
        scale, (query_dtype, table_dtype) = grad * ctx.scale, ctx.dtypes
        grad_table = torch.empty(
            len(push_VD) + 1, push_VD.shape[1], dtype=table_dtype, device=push_VD.device
        )
        grad_table[0] = 0
        torch.mul(push_VD, scale, out=grad_table[1:])
        grad_bias = None
        if push_V is not None:
            grad_bias = torch.cat([push_V.new_zeros(1), push_V * scale])
        return (pull_ND * scale).to(query_dtype), grad_table, None, grad_bias, *[None] * 5


def chunks_of_scores(query_ND: Tensor, items: Tensor, rows: int) -> Iterator[tuple[slice, Tensor]]:
    """Yield float32 scores of `rows` queries at a time, in one reused buffer."""
    n, v = len(query_ND), len(items)
    buffer = torch.empty(min(n, rows), _aligned(v), dtype=torch.float32, device=items.device)
    for first in range(0, n, rows):
        at = slice(first, min(first + rows, n))
        score_CV = buffer[: at.stop - first, :v]
        if items.dtype == torch.float32:
            torch.mm(query_ND[at], items.T, out=score_CV)
        else:
            score_CV.copy_(query_ND[at] @ items.T)
        yield at, score_CV


def _take_targets(
    pull_ND: Tensor,
    push_VD: Tensor,
    push_V: Tensor | None,
    query_ND: Tensor,
    table_VD: Tensor,
    hot_N: Tensor,
    smoothing: float,
    weight_N: Tensor | None,
) -> None:
    """Subtract the targets in place: from softmax to softmax - (smoothed) one-hot.

    The queries have their weights already; those of the positions sum to their number.
    """
    query = query_ND.float()
    pull_ND -= table_VD[hot_N + 1].float() * (1 - smoothing)
    push_VD.index_add_(0, hot_N, query, alpha=smoothing - 1)
    if push_V is not None:
        one_N = torch.ones_like(query[:, 0]) if weight_N is None else weight_N
        push_V.index_add_(0, hot_N, one_N, alpha=smoothing - 1)
    if smoothing:
        pull_ND -= table_VD[1:].mean(0, dtype=torch.float32) * smoothing
        push_VD -= query.mean(0) * (len(query) / len(push_VD) * smoothing)
        if push_V is not None:
            push_V -= len(query) / len(push_V) * smoothing


def _sum(value_N: Tensor, weight_N: Tensor | None) -> Tensor:
    if weight_N is not None:
        value_N = value_N * weight_N
    return value_N.sum(dtype=torch.float64)


def _aligned(v: int) -> int:
    return -(-v // ALIGNED) * ALIGNED
