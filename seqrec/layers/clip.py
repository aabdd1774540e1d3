"""Gradient clipping that also accepts sparse gradients, which torch's own function refuses."""

from collections.abc import Iterable

import torch
import torch.distributed as dist
from torch import Tensor, nn


def any_sparse(weights: Iterable[nn.Parameter]) -> bool:
    """Return whether any weight has a sparse gradient."""
    return any(weight.grad is not None and weight.grad.is_sparse for weight in weights)


def clip_gradients(
    weights: Iterable[nn.Parameter], most: float, *, shards: Iterable[nn.Parameter] = ()
) -> Tensor:
    """Scale all gradients in place to a joint norm of at most `most`; return the norm they had.

    Args:
        weights: that every process has, with equal gradients.
        most: the largest norm.
        shards: of which the other processes have other rows; if there are any, all processes have
            to call this together.
    """
    weights, shards = list(weights), list(shards)
    if not shards and not any_sparse(weights):
        return torch.nn.utils.clip_grad_norm_(weights, most)
    slopes, own = _slopes(weights), _slopes(shards)
    norm = torch.nn.utils.get_total_norm(slopes)
    if shards:
        rest = torch.nn.utils.get_total_norm(own).to(shards[0].device).square()
        dist.all_reduce(rest)
        norm = (norm.to(rest).square() + rest).sqrt()
    for slope in (*slopes, *own):
        slope.mul_((most / (norm + 1e-6)).clamp(max=1))
    return norm


def _slopes(weights: list[nn.Parameter]) -> list[Tensor]:
    """Return the numbers of all gradients."""
    slopes = []
    for weight in weights:
        if weight.grad is None:
            continue
        if weight.grad.is_sparse:
            weight.grad = weight.grad.coalesce()  # a row that was used twice counts once
            slopes.append(weight.grad.values())
        else:
            slopes.append(weight.grad)
    return slopes
