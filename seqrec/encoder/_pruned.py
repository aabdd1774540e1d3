"""Causal attention to a few events of a long history, chosen as the history goes on."""

from collections.abc import Iterator
from typing import Literal

import torch
from torch import Tensor, nn

By = Literal["attention", "recency", "norm"]


def pruned(
    q: Tensor, k: Tensor, v: Tensor, *, keep: int, by: By, dropout: nn.Module
) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """Attend to at most `keep` events from before each stretch of `keep` positions.

    A position sees its own stretch up to itself, and what was kept of everything before it. After a
    stretch, the `keep` events that are worth most are kept of those that were and those that came.
    Each choice rests on events before the stretch that it serves, so no position sees its future,
    and a state doesn't depend on what follows. Time and memory grow with ``L * keep``.

    By ``attention``, an event is worth the mean weight that it had for the positions of the latest
    stretch that could see it (as caches of language models are pruned, Zhang et al. 2023, H2O; Li
    et al. 2024, SnapKV). By ``norm`` it is worth the length of its value vector. By ``recency`` the
    latest are kept.

    Args:
        q: queries, ``(B, H, L, W)``.
        k: keys, likewise.
        v: values, likewise.
        keep: events that are kept, and positions of a stretch.
        by: what an event is worth.
        dropout: acts on the weights.

    Yields:
        For each stretch of S positions: the events that are seen, ``(B, H, N)``; their weights,
        ``(B, H, S, N)``, float32; and what is attended, ``(B, H, S, W)``.
    """
    batch, heads, length, width = q.shape
    place_L = torch.arange(length, device=q.device)
    kept_k, kept_v, kept = k[:, :, :0], v[:, :, :0], place_L[:0].expand(batch, heads, 0)
    for first in range(0, length, keep):
        own = slice(first, min(first + keep, length))
        keys, values = torch.cat([kept_k, k[:, :, own]], 2), torch.cat([kept_v, v[:, :, own]], 2)
        place_BHN = torch.cat([kept, place_L[own].expand(batch, heads, -1)], 2)
        score = (q[:, :, own] @ keys.transpose(2, 3)).float() * width**-0.5
        future = place_BHN.unsqueeze(2) > place_L[own, None]
        alpha_BHSN = score.masked_fill(future, -torch.inf).softmax(-1)
        yield place_BHN, alpha_BHSN, dropout(alpha_BHSN).to(v.dtype) @ values
        if own.stop < length:
            with torch.no_grad():
                worth_BHN = _worth(by, place_BHN, alpha_BHSN, values, first)
                chosen = worth_BHN.topk(min(keep, worth_BHN.shape[2]), sorted=False).indices
            picked = chosen.unsqueeze(-1).expand(-1, -1, -1, width)
            kept_k, kept_v = keys.gather(2, picked), values.gather(2, picked)
            kept = place_BHN.gather(2, chosen)


def _worth(by: By, place_BHN: Tensor, alpha_BHSN: Tensor, values: Tensor, first: int) -> Tensor:
    if by == "recency":
        return place_BHN.float()
    if by == "norm":
        return values.float().norm(dim=-1)
    stretch = alpha_BHSN.shape[2]
    saw_BHN = stretch - (place_BHN - first).clamp(min=0)  # positions that could see it
    return alpha_BHSN.sum(2) / saw_BHN


def dense(place_BHN: Tensor, alpha_BHSN: Tensor, length: int) -> Tensor:
    """Return the weights by event, ``(B, H, S, L)``; 0 for events that weren't seen."""
    alpha_BHSL = alpha_BHSN.new_zeros(*alpha_BHSN.shape[:3], length)
    return alpha_BHSL.scatter(3, place_BHN.unsqueeze(2).expand_as(alpha_BHSN), alpha_BHSN)
