"""Exact softmax cross-entropy over a whole catalogue in bounded memory.

The (N, V) matrix of scores is never whole: rows are taken a chunk at a time, and the gradient is
made in the same pass, from the exponentials that the value needs anyway. Value and gradient are
those of ``cross_entropy(query @ table.T + bias, target)``.
"""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

CHUNK_BYTES = 8 * 2**20  # scores held at once: large enough for fast products, small for caches
ROWS = 128  # but no fewer rows: each chunk also sweeps the table's whole gradient


def linear_cross_entropy(
    query_ND: Tensor, table_VD: Tensor, target_N: Tensor, bias_V: Tensor | None = None
) -> Tensor:
    """Mean of ``-log softmax(query . table + bias)[target]``; item 0, the padding id, is left out.

    Products run in the type of `query_ND` (bfloat16 under autocast), everything else in float32.

    Args:
        query_ND: queries of the valid positions.
        table_VD: output vectors of the items.
        target_N: the right items, 1 to V-1.
        bias_V: score added for each item.

    Returns:
        The mean over the N positions, float32.
    """
    with_grad = torch.is_grad_enabled()  # always off inside an autograd function
    return _LinearCrossEntropy.apply(query_ND, table_VD, target_N, bias_V, with_grad)


class _LinearCrossEntropy(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        query_ND: Tensor,
        table_VD: Tensor,
        target_N: Tensor,
        bias_V: Tensor | None,
        with_grad: bool,
    ) -> Tensor:
        n, v = len(query_ND), len(table_VD)
        with_grad = with_grad and any(ctx.needs_input_grad)
        table = table_VD.to(query_ND.dtype)
        total = query_ND.new_zeros((), dtype=torch.float32)
        if with_grad:
            grad_query = torch.empty_like(query_ND)
            grad_table = torch.zeros_like(table_VD, dtype=torch.float32)
            grad_bias = None if bias_V is None else torch.zeros_like(bias_V, dtype=torch.float32)
        rows = max(ROWS, CHUNK_BYTES // (4 * v))
        for query_CD, target_C, at in _chunks(query_ND, target_N, rows):
            score_CV = (query_CD @ table.T).float()
            if bias_V is not None:
                score_CV += bias_V
            score_CV[:, 0] = -torch.inf
            target_C1 = target_C[:, None]
            peak_C1 = score_CV.amax(1, keepdim=True)
            right_C1 = score_CV.gather(1, target_C1)
            exp_CV = score_CV.sub_(peak_C1).exp_()
            sum_C1 = exp_CV.sum(1, keepdim=True)
            total += (sum_C1.log() + peak_C1 - right_C1).sum()
            if not with_grad:
                continue
            # the gradient of a score is softmax - onehot
            delta_CV = exp_CV.div_(sum_C1)
            delta_CV.scatter_add_(1, target_C1, torch.full_like(sum_C1, -1.0))
            small_CV = delta_CV.to(query_ND.dtype)
            grad_query[at] = small_CV @ table
            grad_table += small_CV.T @ query_CD
            if grad_bias is not None:
                grad_bias += delta_CV.sum(0)
        if with_grad:
            ctx.save_for_backward(grad_query, grad_table, grad_bias)
            ctx.scale, ctx.table_dtype = 1 / n, table_VD.dtype
        return total / n

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:  # type: ignore[override]
        grad_query, grad_table, grad_bias = ctx.saved_tensors
        scale = grad * ctx.scale
        return (
            grad_query * scale.to(grad_query.dtype),
            (grad_table * scale).to(ctx.table_dtype),
            None,
            None if grad_bias is None else grad_bias * scale,
            None,
        )


def _chunks(query_ND: Tensor, target_N: Tensor, rows: int) -> Any:
    for first in range(0, len(query_ND), rows):
        at = slice(first, first + rows)
        yield query_ND[at], target_N[at], at
