"""Gradient clipping that also accepts sparse gradients, which torch's own function refuses."""

from collections.abc import Iterable

import torch
from torch import Tensor, nn


def any_sparse(weights: Iterable[nn.Parameter]) -> bool:
    """Return whether any weight has a sparse gradient."""
    return any(weight.grad is not None and weight.grad.is_sparse for weight in weights)


def clip_gradients(weights: Iterable[nn.Parameter], most: float) -> Tensor:
    """Scale all gradients in place to a joint norm of at most `most`; return the norm they had."""
    weights = list(weights)
    if not any_sparse(weights):
        return torch.nn.utils.clip_grad_norm_(weights, most)
    slopes = []
    for weight in weights:
        if weight.grad is None:
            continue
        if weight.grad.is_sparse:
            weight.grad = weight.grad.coalesce()  # a row that was used twice counts once
            slopes.append(weight.grad.values())
        else:
            slopes.append(weight.grad)
    norm = torch.nn.utils.get_total_norm(slopes)
    for slope in slopes:
        slope.mul_((most / (norm + 1e-6)).clamp(max=1))
    return norm
