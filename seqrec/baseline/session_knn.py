"""Items of the sessions most similar to the history."""

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from seqrec.baseline.item_knn import BEHIND
from seqrec.counts.choice import Judge
from seqrec.counts.table import Rows, Table, packed
from seqrec.counts.training import Training
from seqrec.layers.sizes import make_room
from seqrec.shapes import position_mask

CELLS = 1 << 24  # (query, session) pairs compared at once


class SessionKNN(nn.Module):
    """Session neighbours, with most weight on the latest items (V-SKNN; Ludewig and Jannach 2018).

    ``score(j) = sum_s sim(q, s) [j in s]`` over the sessions s most similar to the history q:
    ``sim(q, s) = sum_{i in both} w_i / sqrt(|s|)``, where w falls from 1 for the latest item in
    equal steps. A session is the latest `max_length` training events of a user, if these are of
    more than one item.

    Args:
        n_items: items without the padding id.
        max_length: maximum number of events in a session.
        neighbours: number of most similar sessions used.
    """

    offset_V: Tensor
    session_P: Tensor
    scale_S: Tensor

    def __init__(self, *, n_items: int, max_length: int, neighbours: int = 500) -> None:
        super().__init__()
        if neighbours < 1:
            raise ValueError(f"neighbours={neighbours} must be at least 1")
        self.max_length, self.neighbours, self.table = max_length, neighbours, Table(n_items)
        self.register_buffer("offset_V", torch.zeros(n_items + 2, dtype=torch.int64))
        self.register_buffer("session_P", torch.zeros(0, dtype=torch.int64))
        self.register_buffer("scale_S", torch.zeros(0))

    def count(self, training: Training, judge: Judge) -> None:
        """Learn from the training events."""
        v, order_V = training.n_items + 1, training.popularity()
        once = training.latest(self.max_length).distinct().of_length(2)
        order = np.argsort(once.item, kind="stable")
        ends = np.searchsorted(once.item[order], np.arange(v + 1))
        self.offset_V = torch.from_numpy(ends)
        self.session_P = torch.from_numpy(once.sequence[order])
        self.scale_S = torch.from_numpy(np.diff(once.offset)).float().rsqrt()
        entries = packed(
            once.sequence, once.item, np.ones(len(once.item)),
            rows=len(once.offset) - 1, most=self.max_length, order_V=order_V,
        )  # fmt: skip
        self.table.fill(entries, order_V * (BEHIND / v))

    def query(self, item_BL: Tensor, length_B: Tensor) -> Rows:
        """Return the most similar sessions, weighted by similarity."""
        sessions = len(self.scale_S)
        kept, size = min(self.neighbours, sessions), max(1, CELLS // sessions)
        found = [
            self._like(item_BL[at : at + size], length_B[at : at + size]).topk(kept, dim=1)
            for at in range(0, len(item_BL), size)
        ]
        weight_BR = torch.cat([top.values for top in found])
        row_BR = torch.cat([top.indices for top in found])
        return Rows(row_BR, weight_BR, torch.ones_like(weight_BR[:, 0]))

    def weights(self, item_BL: Tensor, length_B: Tensor) -> Tensor:
        """Return ``alpha_BL``: the weight of each item in the similarity, normalised to sum 1."""
        weight_BL = self._weights(item_BL, length_B)
        return weight_BL / weight_BL.sum(1, keepdim=True)

    def _like(self, item_BL: Tensor, length_B: Tensor) -> Tensor:
        """Return ``like_BS``: the similarity to each session."""
        weight_BL = self._weights(item_BL, length_B)
        begin_BL, end_BL = self.offset_V[item_BL], self.offset_V[item_BL + 1]
        size_BL = (end_BL - begin_BL) * (weight_BL > 0)
        size_N = size_BL.flatten()
        before_N = size_N.cumsum(0) - size_N
        index_P = torch.arange(int(size_N.sum()), device=size_N.device)
        index_P += (begin_BL.flatten() - before_N).repeat_interleave(size_N)
        query_P = torch.arange(len(item_BL), device=size_N.device).repeat_interleave(size_BL.sum(1))
        like_BS = weight_BL.new_zeros(len(item_BL), len(self.scale_S))
        where_P = query_P * len(self.scale_S) + self.session_P[index_P]
        like_BS.view(-1).index_add_(0, where_P, weight_BL.flatten().repeat_interleave(size_N))
        return like_BS * self.scale_S

    def _weights(self, item_BL: Tensor, length_B: Tensor) -> Tensor:
        """Return ``w_BL``: equal steps up to 1; only the last event of an item counts."""
        width = item_BL.shape[1]
        step_BL = (torch.arange(width, device=length_B.device) + 1) / length_B[:, None]
        later_BL = torch.zeros(item_BL.shape, dtype=torch.bool, device=item_BL.device)
        order_BL = item_BL.argsort(dim=1, stable=True)
        sorted_BL = item_BL.gather(1, order_BL)
        later_BL.scatter_(1, order_BL[:, :-1], sorted_BL[:, 1:] == sorted_BL[:, :-1])
        return step_BL * (position_mask(length_B, width) & ~later_BL)

    def _load_from_state_dict(self, state_dict: dict, prefix: str, *rest: Any) -> None:
        make_room(self, state_dict, prefix)
        super()._load_from_state_dict(state_dict, prefix, *rest)
