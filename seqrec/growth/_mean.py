"""Weighted means of rows, which new rows are made of."""

import torch
from torch import Tensor


def weighted_mean(
    table_VD: Tensor, row_P: Tensor, of_P: Tensor, weight_P: Tensor, *, rows: int
) -> tuple[Tensor, Tensor]:
    """Return the weighted means of rows of a table.

    Args:
        table_VD: the rows to average; V and any further dimensions.
        row_P: int64, the mean that each pair belongs to.
        of_P: int64, the row of the table.
        weight_P: float, at least 0.
        rows: number of means.

    Returns:
        The means, zeros where the weights sum to 0; and these sums.
    """
    total = torch.zeros(rows, dtype=table_VD.dtype).index_add_(0, row_P, weight_P)
    wide = (-1, *[1] * (table_VD.dim() - 1))
    part_PD = table_VD[of_P] * weight_P.view(wide)
    mean = torch.zeros(rows, *table_VD.shape[1:], dtype=table_VD.dtype).index_add_(
        0, row_P, part_PD
    )
    return mean / total.clamp(min=1e-12).view(wide), total
