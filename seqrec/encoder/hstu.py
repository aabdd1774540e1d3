"""Hierarchical sequential transduction units (Zhai et al. 2024, HSTU, equations 1 to 3)."""

import math
from typing import Any, ClassVar, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from seqrec.layers.dropout import Dropout
from seqrec.layers.score_bias import ScoreBias
from seqrec.shapes import History, at_position

HELD = 64 * 2**20  # bytes of scores at once


class Block(nn.Module):
    """``x + W_o dropout(norm(A V) * U)`` with ``U, V, Q, K = silu(W norm(x))``.

    ``A_ts = silu(q_t . k_s + bias_ts) / n`` for s up to t: each score by itself, without a softmax,
    so the sum of the weights says how strongly a state was answered at all.

    Args:
        dim: width D.
        heads: number of attention heads.
        width: of a head's queries, keys, values and gates.
        reach: distances that the bias tells apart; 0: none.
        time: what the bias knows of times (see :class:`~seqrec.layers.score_bias.ScoreBias`).
        count: n; None: the number of events up to t.
        dropout: rate, on the gated output.
    """

    def __init__(
        self,
        *,
        dim: int,
        heads: int,
        width: int,
        reach: int,
        time: Literal["events", "request"] | None,
        count: int | None,
        dropout: float,
    ) -> None:
        super().__init__()
        self.heads, self.width, self.count = heads, width, count
        self.enter, self.leave = nn.Linear(dim, 4 * heads * width), nn.Linear(heads * width, dim)
        self.norm_1, self.norm_2 = nn.LayerNorm(dim), nn.LayerNorm(heads * width)
        self.bias = ScoreBias(heads=1, reach=reach, time=time) if reach or time else None
        self.dropout = Dropout(dropout)

    def forward(self, x_BLD: Tensor, history: History) -> Tensor:
        """Map ``x_BLD -> x_BLD``."""
        u, v, q, k = self._entered(x_BLD)
        at_1L = torch.arange(x_BLD.shape[1], device=x_BLD.device)[None]
        return x_BLD + self._gated(self._attended(q, k, v, at_1L, history), u)

    def last(self, x_BLD: Tensor, history: History) -> Tensor:
        """Map ``x_BLD -> x_BD`` at the last valid position."""
        at_B1 = history.length_B[:, None] - 1
        u, v, q, k = self._entered(x_BLD)
        u, q = (at_position(part.flatten(2), at_B1[:, 0]).unsqueeze(1) for part in (u, q))
        q = q.unflatten(-1, (self.heads, self.width))
        added_B1D = self._gated(self._attended(q, k, v, at_B1, history), u)
        return at_position(x_BLD, at_B1[:, 0]) + added_B1D.squeeze(1)

    def _entered(self, x_BLD: Tensor) -> tuple[Tensor, ...]:
        """Return gates, values, queries and keys of every head, ``(B, L, H, W)``."""
        all_BLE = F.silu(self.enter(self.norm_1(x_BLD)))
        return all_BLE.unflatten(-1, (4, self.heads, self.width)).unbind(2)

    def _gated(self, y_BQE: Tensor, u: Tensor) -> Tensor:
        return self.leave(self.dropout(self.norm_2(y_BQE) * u.flatten(2)))

    def _attended(self, q: Tensor, k: Tensor, v: Tensor, at_BQ: Tensor, history: History) -> Tensor:
        """Return ``A V`` of all heads, a few sequences at a time where scores would fill memory."""
        if torch.compiler.is_compiling():
            return self._weighed(q, k, v, at_BQ, history)
        size = 4 * self.heads * q.shape[1] * k.shape[1]  # bytes of a sequence's scores
        rows = max(1, HELD // size)
        if rows >= len(q):
            return self._weighed(q, k, v, at_BQ, history)
        parts = []
        for row_R in torch.arange(len(q), device=q.device).split(rows):
            at_RQ = at_BQ if len(at_BQ) == 1 else at_BQ[row_R]
            given = (q[row_R], k[row_R], v[row_R], at_RQ, history.take(row_R))
            if torch.is_grad_enabled():  # and again in the backward pass
                part = checkpoint(
                    self._weighed, *given, use_reentrant=False, preserve_rng_state=False
                )
                parts.append(part)
            else:
                parts.append(self._weighed(*given))
        return torch.cat(parts)

    def _weighed(self, q: Tensor, k: Tensor, v: Tensor, at_BQ: Tensor, history: History) -> Tensor:
        q, k, v = (part.transpose(1, 2) for part in (q, k, v))
        e_BHQL = q @ k.transpose(2, 3)
        if self.bias is not None:
            e_BHQL = e_BHQL + self.bias(history, at_BQ, k.shape[2])
        future_BQL = torch.arange(k.shape[2], device=k.device) > at_BQ[..., None]
        a_BHQL = F.silu(e_BHQL).masked_fill(future_BQL[:, None], 0)
        y_BQHW = (a_BHQL.to(v.dtype) @ v).transpose(1, 2)
        n = self.count or (at_BQ + 1)[..., None]
        return y_BQHW.flatten(2) / n


class HSTU(nn.Module):
    """Gated blocks of attention without softmax, with biases by distance and by time.

    Args:
        dim: width D.
        max_length: maximum L; larger distances share a bias.
        layers: number of blocks.
        heads: number of attention heads in each block.
        width: of a head's queries, keys, values and gates; null: ``dim / heads``.
        positions: ``relative``: a bias by distance; ``none``: no positions.
        time: a bias by the time between two ``events``, or between an event and the ``request``,
            the time of the event after the position; null: times aren't read. The time of the
            request tells whether the next event belongs to the same sitting, which a service knows
            when it is asked, and other models aren't told: compare with and without it.
        divide_by: what sums over events are divided by: ``events``, their number up to the
            position, or ``max_length``.
        dropout: rate, on what a block adds.
    """

    causal: ClassVar[bool] = True
    wanted_by: ClassVar[dict[str, tuple[str, ...]]] = {"time": ("timestamp",)}
    bounds: ClassVar[dict[str, tuple[int, str | int]]] = {
        "heads": (1, "dim"),
        "width": (1, 1 << 16),
    }

    def __init__(
        self,
        *,
        dim: int,
        max_length: int,
        layers: int = 2,
        heads: int = 2,
        width: int | None = None,
        positions: Literal["relative", "none"] = "relative",
        time: Literal["events", "request"] | None = None,
        divide_by: Literal["events", "max_length"] = "events",
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.wanted = self.wanted_by["time"] if time else ()
        self.blocks = nn.ModuleList(
            Block(
                dim=dim,
                heads=heads,
                width=math.ceil(dim / heads) if width is None else width,
                reach=max_length if positions == "relative" else 0,
                time=time,
                count=max_length if divide_by == "max_length" else None,
                dropout=dropout,
            )
            for _ in range(layers)
        )
        self.norm = nn.LayerNorm(dim)

    def forward(self, x_BLD: Tensor, history: History) -> Tensor:
        """Map ``x_BLD -> h_BLD``."""
        for block in self.blocks:
            x_BLD = block(x_BLD, history)
        return self.norm(x_BLD)

    def last(self, x_BLD: Tensor, history: History) -> Tensor:
        """Map ``x_BLD -> h_BD``; the last block computes the last valid position alone."""
        for block in self.blocks[:-1]:
            x_BLD = block(x_BLD, history)
        final: Any = self.blocks[-1]
        return self.norm(final.last(x_BLD, history))
