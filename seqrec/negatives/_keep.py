"""Masks of the draws that may serve as negatives."""

import torch
from torch import Tensor

from seqrec.shapes import Targets


def keep_mask(
    drawn: Tensor, targets: Targets, item_BL: Tensor, *, n_items: int, exclude_own: bool
) -> Tensor:
    """Return ``keep_NS``: False for the target and, with `exclude_own`, items of the sequence.

    Args:
        drawn: shared draws, (S,), or draws for each position, (N, S).
        targets: the positions' targets and rows.
        item_BL: the sequences' inputs.
        n_items: items without the padding id.
        exclude_own: also exclude every item in the sequence, as input or as target.
    """
    keep_NS = drawn != targets.item_N[:, None]
    if not exclude_own:
        return keep_NS
    stride, rows = n_items + 1, torch.arange(len(item_BL), device=item_BL.device)
    inputs = (rows[:, None] * stride + item_BL).flatten()
    own_P = torch.cat([inputs, targets.row_N * stride + targets.item_N]).unique()
    if drawn.dim() == 1:  # one look-up per sequence, not per position
        return keep_NS & ~_contains(own_P, rows[:, None] * stride + drawn)[targets.row_N]
    return keep_NS & ~_contains(own_P, targets.row_N[:, None] * stride + drawn)


def _contains(sorted_P: Tensor, query: Tensor) -> Tensor:
    at = torch.searchsorted(sorted_P, query).clamp(max=len(sorted_P) - 1)
    return sorted_P[at] == query
