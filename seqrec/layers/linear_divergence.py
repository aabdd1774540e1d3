"""Kullback-Leibler divergence from given distributions over a whole catalogue, in bounded memory.

Like :mod:`~seqrec.layers.linear_cross_entropy`, it holds the scores of a few rows at a time, and
computes the gradient in the pass that computes the value: at row n it is
``(softmax(score / T) - softmax(wanted / T)) / T`` for each score.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from seqrec.layers.linear_cross_entropy import chunk_rows

LEFT_OUT = -1e9  # a score whose probability is zero, and which can be subtracted from itself


def linear_divergence(
    query_ND: Tensor,
    table_VD: Tensor,
    wanted: Callable[[slice], Tensor],
    bias_V: Tensor | None = None,
    *,
    temperature: float = 1.0,
    memory_mb: float | None = None,
) -> Tensor:
    """Return the mean of ``KL(softmax(wanted / T) || softmax(score / T))`` over the rows.

    Item 0, the padding id, is left out. Matrix products run in the type of `query_ND`, all else in
    float32.

    Args:
        query_ND: queries of the valid positions.
        table_VD: output vectors of the items.
        wanted: returns the scores (C, V-1) of some rows, without gradient; minus infinity leaves an
            item out of both distributions.
        bias_V: added to the score of each item.
        temperature: T, divides the scores of both.
        memory_mb: maximum MiB of scores held at once; null: 64, or what 128 rows take.

    Returns:
        The mean over the N rows, float32.
    """
    rows = chunk_rows(len(table_VD), query_ND.device.type, memory_mb, half=True)  # two copies
    return _LinearDivergence.apply(query_ND, table_VD, bias_V, wanted, temperature, rows)


class _LinearDivergence(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        query_ND: Tensor,
        table_VD: Tensor,
        bias_V: Tensor | None,
        wanted: Callable[[slice], Tensor],
        temperature: float,
        rows: int,
    ) -> Tensor:
        n, items = len(query_ND), table_VD[1:].to(query_ND.dtype)
        total = torch.zeros((), dtype=torch.float64, device=query_ND.device)
        pull_ND = torch.empty_like(query_ND, dtype=torch.float32)
        push_VD = torch.zeros_like(items, dtype=torch.float32)
        push_V = None if bias_V is None else torch.zeros_like(bias_V[1:], dtype=torch.float32)
        for first in range(0, n, rows):
            part = slice(first, min(first + rows, n))
            score_CV = (query_ND[part] @ items.T).float()
            if bias_V is not None:
                score_CV += bias_V[1:]
            gap_CV, value = _gap(score_CV, wanted(part), temperature)
            total += value
            small_CV = gap_CV.to(items.dtype)
            pull_ND[part] = small_CV @ items
            push_VD += small_CV.T @ query_ND[part]
            if push_V is not None:
                push_V += gap_CV.sum(0)
        ctx.save_for_backward(pull_ND, push_VD, push_V)
        ctx.scale, ctx.dtypes = 1 / (n * temperature), (query_ND.dtype, table_VD.dtype)
        return (total / n).float()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:  # type: ignore[override]
        pull_ND, push_VD, push_V = ctx.saved_tensors
        scale, (query_dtype, table_dtype) = grad * ctx.scale, ctx.dtypes
        grad_VD = torch.cat([push_VD.new_zeros(1, push_VD.shape[1]), push_VD * scale])
        grad_V = None if push_V is None else torch.cat([push_V.new_zeros(1), push_V * scale])
        return (pull_ND * scale).to(query_dtype), grad_VD.to(table_dtype), grad_V, *[None] * 3


def _gap(score_CV: Tensor, wanted_CV: Tensor, temperature: float) -> tuple[Tensor, Tensor]:
    """Return how far the probabilities are above the wanted ones, and the divergences' sum."""
    if temperature != 1:
        score_CV, wanted_CV = score_CV / temperature, wanted_CV / temperature
    if (wanted_CV.amin(1) == -torch.inf).any():
        left_out_CV = wanted_CV == -torch.inf
        score_CV = score_CV.masked_fill(left_out_CV, LEFT_OUT)
        wanted_CV = wanted_CV.masked_fill(left_out_CV, LEFT_OUT)
    log_q_CV, log_p_CV = score_CV.log_softmax(1), wanted_CV.log_softmax(1)
    p_CV = log_p_CV.exp()
    value = torch.dot(log_p_CV.sub_(log_q_CV).flatten(), p_CV.flatten())
    return log_q_CV.exp_().sub_(p_CV), value
