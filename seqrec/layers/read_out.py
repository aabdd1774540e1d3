"""Attention weights and weighted sums at one position of each sequence.

Each operation is O(L) and can be exported with any number of sequences and positions.
"""

import torch
from torch import Tensor

from seqrec.shapes import position_mask


def prefix_softmax(e: Tensor, position_B: Tensor) -> Tensor:
    """Return the softmax of the scores up to each position, 0 beyond, in float32.

    Args:
        e: scores, (B, L), or (B, H, L) with several heads.
        position_B: the last position of each prefix.
    """
    mask_BL = position_mask(position_B + 1, e.shape[-1])
    mask = mask_BL if e.dim() == 2 else mask_BL[:, None]
    return e.float().masked_fill(~mask, -torch.inf).softmax(dim=-1)


def prefix_equal(position_B: Tensor, width: int) -> Tensor:
    """Return ``alpha_BL``: ``1 / (position + 1)`` up to each position, 0 beyond, in float32."""
    return position_mask(position_B + 1, width) / (position_B[:, None] + 1)


def weighted_sum(alpha: Tensor, h: Tensor) -> Tensor:
    """Return ``sum_s alpha_s h_s``, summed in float32, in the type of `h`.

    Args:
        alpha: weights, (B, L) or (B, H, L).
        h: values, (B, L, D) or (B, H, L, D).
    """
    with torch.autocast(h.device.type, enabled=False):
        summary = alpha.float().unsqueeze(-2) @ h.float()
    return summary.squeeze(-2).to(h.dtype)
