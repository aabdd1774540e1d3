"""Neighbours of the items in the history."""

import numpy as np
import torch
from torch import Tensor, nn

from seqrec.counts.choice import Judge, check_options, choose
from seqrec.counts.table import Rows, Table, packed
from seqrec.counts.training import Training
from seqrec.shapes import position_mask

BEHIND = 1e-6  # weight of popularity, which orders items without a neighbour in the history


class ItemKNN(nn.Module):
    """Item-to-item neighbours (Sarwar et al. 2001; Deshpande and Karypis 2004).

    ``score(j) = sum_i decay^age(i) c_ij / (sqrt(c_i c_j) + shrink)`` over the items i of the
    history: `c_ij` users with both, `c_i` users with i, ``age`` 0 for the latest.

    Args:
        n_items: items without the padding id.
        neighbours: number of most similar items kept for each item.
        shrink: lowers the similarity of pairs that few users share.
        decays: options for the weight of an event relative to the next one (1: all equal);
            validation chooses one.
    """

    decay: Tensor

    def __init__(
        self, *, n_items: int, decays: list[float], neighbours: int = 100, shrink: float = 10.0
    ) -> None:
        super().__init__()
        check_options("decays", decays, 0, 1)
        if neighbours < 1 or shrink < 0:
            raise ValueError(
                f"neighbours={neighbours} must be at least 1, shrink={shrink} at least 0"
            )
        self.decays, self.neighbours, self.shrink = decays, neighbours, shrink
        self.table = Table(n_items)
        self.register_buffer("decay", torch.ones(()))

    def count(self, training: Training, judge: Judge) -> None:
        """Learn from the training events."""
        v = training.n_items + 1
        once, order_V = training.distinct(), training.popularity()
        closer_V = 1 + BEHIND * BEHIND / v * order_V.numpy()  # of equal similarities
        users_V = once.counts()
        rows, items, weights = [], [], []
        for first, count_WV in once.together():
            item_W = np.arange(first, first + len(count_WV))
            count_WV[np.arange(len(item_W)), item_W] = 0
            row, other = count_WV.nonzero()
            length_P = np.sqrt(users_V[item_W[row]] * users_V[other].astype(np.float64))
            like_P = count_WV[row, other] / (length_P + self.shrink)
            kept = min(self.neighbours, v)
            if len(row) > kept * len(item_W):  # most rows have more, so only the best are kept
                like_WV = np.zeros(count_WV.shape)
                like_WV[row, other] = like_P
                top_WK = np.argpartition(-like_WV * closer_V, kept - 1, axis=1)[:, :kept]
                row, place = np.nonzero(np.take_along_axis(like_WV, top_WK, 1))
                other = top_WK[row, place]
                like_P = like_WV[row, other]
            rows.append(item_W[row])
            items.append(other)
            weights.append(like_P)
        entries = packed(
            np.concatenate(rows), np.concatenate(items), np.concatenate(weights),
            rows=v, most=self.neighbours, order_V=order_V,
        )  # fmt: skip
        self.table.fill(entries, order_V * (BEHIND / v))
        choose("decays", self.decays, self.decay.fill_, judge)

    def query(self, item_BL: Tensor, length_B: Tensor) -> Rows:
        """Return the rows of all items in the history."""
        width = item_BL.shape[1]
        age_BL = length_B[:, None] - 1 - torch.arange(width, device=length_B.device)
        weight_BL = self.decay ** age_BL.clamp(min=0).float()
        weight_BL = weight_BL * position_mask(length_B, width)
        return Rows(item_BL, weight_BL, torch.ones_like(weight_BL[:, 0]))

    def weights(self, item_BL: Tensor, length_B: Tensor) -> Tensor:
        """Return ``alpha_BL``: the weights in the score, normalised to sum 1."""
        weight_BL = self.query(item_BL, length_B).weight_BR
        return weight_BL / weight_BL.sum(1, keepdim=True)
