"""The form shared by all counted models: a score is a weighted sum of rows of a sparse table.

``score(q, i) = sum_r weight_r * table[row_r, i] + base * popularity[i]``

A Markov chain looks up the row of the last item; item neighbours, the rows of all items in the
history; session neighbours, the rows of the most similar sessions; popularity, none.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from seqrec.catalogue import ROUNDING
from seqrec.layers.sizes import make_room

ENTRIES = 1 << 22  # table entries processed at once
EXACT = 1e-13  # share of a float64 sum within which two orders of adding agree


@dataclass(frozen=True)
class Rows:
    """Queries: table rows and their weights.

    Args:
        row_BR: int64, rows of the table; those with weight 0 are ignored.
        weight_BR: float32, their weights.
        base_B: float32, the weight of popularity.
    """

    row_BR: Tensor
    weight_BR: Tensor
    base_B: Tensor

    def part(self, first: int, last: int) -> "Rows":
        """Return the queries ``first .. last - 1``."""
        return Rows(*(value[first:last] for value in vars(self).values()))


class Table(nn.Module):
    """A sparse table with a column and a popularity for each of the items 0 .. V-1.

    All rows have the same number of entries; unused entries have weight 0. Scores are float64 where
    the device has it, so that a popularity which only breaks ties isn't lost in rounding. The
    popularity is kept as the sum of two float32 numbers, which go to any device.

    Args:
        n_items: items without the padding id.
    """

    item_RK: Tensor
    weight_RK: Tensor
    base_V: Tensor
    rest_V: Tensor

    def __init__(self, n_items: int) -> None:
        super().__init__()
        self.register_buffer("item_RK", torch.zeros(1, 0, dtype=torch.int32))
        self.register_buffer("weight_RK", torch.zeros(1, 0))
        self.register_buffer("base_V", torch.zeros(n_items + 1))
        self.register_buffer("rest_V", torch.zeros(n_items + 1))

    def fill(self, entries: tuple[Tensor, Tensor] | None, base_V: Tensor) -> None:
        """Set the entries ``(item_RK, weight_RK)`` (None: none) and the popularity, float64."""
        if entries is not None:
            self.item_RK, self.weight_RK = entries
        self.base_V = base_V.float()
        self.rest_V = (base_V - self.base_V).float()

    def __len__(self) -> int:
        """Return the number of columns V."""
        return len(self.base_V)

    def popularity(self, item: Tensor | slice) -> Tensor:
        """Return the popularity of some items, in the precision of scores."""
        return self.base_V[item].to(self._precision) + self.rest_V[item]

    def entries(self, query: Rows) -> tuple[Tensor, Tensor, Tensor]:
        """Return what is added to the popularity, in the order in which :meth:`block` adds it.

        Returns:
            ``(row_P, item_P, weight_P)``: rows of the query, items, and weights other than 0.
        """
        row_B = torch.arange(len(query.base_B), device=query.base_B.device)
        found = []
        for at, part in self._parts(query):
            item_BE, weight_BE = (x.flatten(1) for x in self._entries(part))
            used_BE = weight_BE != 0
            row_BE = row_B[at : at + len(item_BE), None].expand_as(item_BE)
            found.append((row_BE[used_BE], item_BE[used_BE], weight_BE[used_BE]))
        row_P, item_P, weight_P = (torch.cat(parts) for parts in zip(*found, strict=True))
        return row_P, item_P, weight_P

    def score(self, query: Rows, item: Tensor) -> Tensor:
        """Return scores of one item per query, (B,) -> (B,), or of S each, (B, S) -> (B, S)."""
        if item.dim() == 1:
            return query.base_B * self.popularity(item) + self._found(query, item)
        step = max(1, ENTRIES // len(self))
        found = [
            self.block(query.part(at, at + step), 0, len(self)).gather(1, item[at : at + step])
            for at in range(0, len(item), step)
        ]
        return torch.cat(found)

    def score_shared(self, query: Rows, item_S: Tensor) -> Tensor:
        """Return scores of the same items for every query: (B, S)."""
        return self.block(query, 0, len(self))[:, item_S]

    def block(self, query: Rows, first: int, last: int) -> Tensor:
        """Return scores of the items ``first .. last - 1``: (B, last - first)."""
        score_BW = query.base_B[:, None] * self.popularity(slice(first, last))
        for at, part in self._parts(query):
            item_BE, weight_BE = (x.flatten(1) for x in self._entries(part))
            inside_BE = (item_BE >= first) & (item_BE < last)
            column_BE = (item_BE - first).masked_fill_(~inside_BE, 0)
            score_BW[at : at + len(item_BE)].scatter_add_(1, column_BE, weight_BE * inside_BE)
        return score_BW

    def rounding(self, query: Rows, item_N: Tensor, score_N: Tensor) -> Tensor:
        """Return how much two sums of the same score can differ, (N,); popularity is no sum."""
        share = EXACT if score_N.dtype == torch.float64 else ROUNDING
        return share * (score_N - query.base_B * self.popularity(item_N)).abs()

    @property
    def _precision(self) -> torch.dtype:
        """What scores are computed in: Apple's GPUs have no float64."""
        return torch.float32 if self.base_V.device.type == "mps" else torch.float64

    def _found(self, query: Rows, item: Tensor) -> Tensor:
        found = []
        for at, part in self._parts(query):
            item_BRK, weight_BRK = self._entries(part)
            same = item_BRK == item[at : at + len(part.base_B), None, None]
            found.append((weight_BRK * same).sum((1, 2)))
        return torch.cat(found) if found else self.popularity(item)

    def _entries(self, query: Rows) -> tuple[Tensor, Tensor]:
        weight_BRK = self.weight_RK[query.row_BR].to(self._precision) * query.weight_BR[..., None]
        return self.item_RK[query.row_BR].long(), weight_BRK

    def _parts(self, query: Rows) -> Iterator[tuple[int, Rows]]:
        each = max(1, query.row_BR.shape[1] * self.item_RK.shape[1])
        size = max(1, ENTRIES // each)
        for at in range(0, len(query.base_B), size):
            yield at, query.part(at, at + size)

    def _load_from_state_dict(self, state_dict: dict, prefix: str, *rest: Any) -> None:
        base_V = state_dict.get(f"{prefix}base_V")
        if base_V is not None:  # a file of an older version has no rest
            state_dict.setdefault(f"{prefix}rest_V", torch.zeros_like(base_V))
        make_room(self, state_dict, prefix)
        super()._load_from_state_dict(state_dict, prefix, *rest)


def packed(
    row_P: np.ndarray,
    item_P: np.ndarray,
    weight_P: np.ndarray,
    *,
    rows: int,
    most: int,
    order_V: Tensor,
) -> tuple[Tensor, Tensor]:
    """Return the entries of a sparse table in rows of equal width, the `most` heaviest per row.

    Args:
        row_P, item_P, weight_P: the entries.
        rows: number of rows.
        most: maximum number of entries per row.
        order_V: of equal weights, the item with the larger value comes first.

    Returns:
        ``(item_RK, weight_RK)`` for :meth:`Table.fill`.
    """
    order = np.lexsort((-order_V.numpy()[item_P], -weight_P, row_P))
    row_P, item_P, weight_P = row_P[order], item_P[order], weight_P[order]
    length = np.bincount(row_P, minlength=rows)
    place_P = np.arange(len(row_P)) - np.repeat(np.cumsum(length) - length, length)
    kept = place_P < most
    width = int(min(length.max(initial=0), most))
    item_RK = np.zeros((rows, width), dtype=np.int32)
    weight_RK = np.zeros((rows, width), dtype=np.float32)
    item_RK[row_P[kept], place_P[kept]] = item_P[kept]
    weight_RK[row_P[kept], place_P[kept]] = weight_P[kept]
    return torch.from_numpy(item_RK), torch.from_numpy(weight_RK)
