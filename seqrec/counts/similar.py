"""Items that are close to each other: those that the same users meet."""

import numpy as np
import torch
from torch import Tensor

from seqrec.counts.training import Training


def similar_items(training: Training, most: int) -> Tensor:
    """Return the closest items of each by the cosine of their users, ``c_ij / sqrt(c_i c_j)``.

    `c_ij` is the number of sequences with both (Sarwar et al. 2001). Of equally close items the one
    with the larger `tie_V` comes first.

    Args:
        training: the training events.
        most: K, at most so many for each item.

    Returns:
        int64, ``item_VK``, the closest first, 0 where there are fewer.
    """
    v = training.n_items + 1
    once, tie_V = training.distinct(), training.tie_V / (2.0 * v)
    length_V = np.sqrt(once.counts().astype(np.float64))
    item_VK = np.zeros((v, most), dtype=np.int64)
    for first, count_WV in once.together():
        item_W = np.arange(first, first + len(count_WV))
        count_WV[np.arange(len(item_W)), item_W] = 0
        size_WV = length_V[item_W, None] * length_V
        like_WV = np.divide(count_WV, size_WV, where=count_WV > 0, out=np.zeros(size_WV.shape))
        like_WV *= 1 + 1e-9 * tie_V
        kept = min(most, v)
        top_WK = np.argpartition(-like_WV, kept - 1, axis=1)[:, :kept]
        value_WK = np.take_along_axis(like_WV, top_WK, 1)
        order_WK = np.argsort(-value_WK, axis=1, kind="stable")
        top_WK = np.where(value_WK > 0, top_WK, 0)
        item_VK[item_W, :kept] = np.take_along_axis(top_WK, order_WK, 1)
    return torch.from_numpy(item_VK)
