"""Liger's fused linear cross-entropy (Hsu et al. 2024), a Triton kernel, behind our interface."""

from importlib.util import find_spec

import torch
from torch import Tensor


def installed() -> bool:
    """Return whether the extra ``seqrec[cuda]`` is installed."""
    return find_spec("liger_kernel") is not None and find_spec("triton") is not None


def linear_cross_entropy(
    query_ND: Tensor,
    table_VD: Tensor,
    target_N: Tensor,
    bias_V: Tensor | None = None,
    *,
    label_smoothing: float = 0.0,
    temperature: float = 1.0,
) -> Tensor:
    """Compute :func:`seqrec.layers.linear_cross_entropy.linear_cross_entropy`.

    The kernel sizes its own chunks: about as many scores as the queries have components.
    """
    from liger_kernel.ops.fused_linear_cross_entropy import LigerFusedLinearCrossEntropyFunction

    items = table_VD[1:].to(query_ND.dtype)
    bias = None if bias_V is None else bias_V[1:] / temperature
    return LigerFusedLinearCrossEntropyFunction.apply(
        query_ND / temperature,
        items,
        target_N - 1,
        bias,
        None,  # class weights
        -100,  # target to ignore: none
        0.0,  # weight of the squared log-sum-exp
        label_smoothing,
        "mean",
        None,  # soft cap
        False,  # return the squared log-sum-exp
        torch.float32,  # type that the table's gradient accumulates in
    )[0].float()
