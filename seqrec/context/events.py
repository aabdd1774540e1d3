"""The context of each event as a vector that joins its item's."""

import math
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from seqrec.contracts import EventFacts
from seqrec.layers.dropout import Dropout
from seqrec.layers.times import SIZES, after, before, codes
from seqrec.shapes import History

USER = "user"


class Category(nn.Module):
    """A vector for each code; none, zeros, where a code is 0."""

    def __init__(self, size: int, dim: int) -> None:
        super().__init__()
        self.weight_CD = nn.Parameter(torch.zeros(size + 1, dim))

    def forward(self, code_BL: Tensor) -> Tensor:
        """``c_BLD``."""
        return F.embedding(code_BL, self.weight_CD, padding_idx=0)


class Number(nn.Module):
    """A direction for a number, ``sign(x) log(1 + |x|)`` standardised, and a vector for none."""

    def __init__(self, mean: float, std: float, dim: int) -> None:
        super().__init__()
        self.mean, self.std = mean, std
        self.weight_2D = nn.Parameter(torch.zeros(2, dim))

    def forward(self, value_BL: Tensor) -> Tensor:
        """``c_BLD``."""
        missing_BL = value_BL.isnan()
        size_BL = (squashed(value_BL) - self.mean) / self.std
        known_BL2 = torch.stack([size_BL.masked_fill(missing_BL, 0), missing_BL.float()], dim=-1)
        return known_BL2 @ self.weight_2D


class Events(nn.Module):
    """The sum of a vector for each thing known of an event: ``x = item + c``.

    What is known of an event joins that event's own input, so it can't reach the prediction of
    that same event, only of later ones. The exception is time, which is known when a
    recommendation is asked for, and only where `target_time` says so.

    All vectors are zero at first: training begins with the model that knows items alone. The
    factor ``sqrt(D)`` is that of the item vectors.

    Args:
        n_users: users of the data.
        events: what the data knows of each event, by column.
        dim: width D.
        columns: names of what the data knows (``rating``, and the columns that the source calls
            context), ``hour``, ``weekday`` (both UTC) and ``gap`` (time since the event before)
            where it has times, or ``user``, a vector for each user (as SSE-PT has; Wu et al.
            2020); ``all``: everything there is but the user.
        target_time: hour, weekday and gap of the event that is asked for join the event before it:
            of those that `columns` names.
        dropout: share of the components of each vector set to zero while training.

    Raises:
        ValueError: the data doesn't know that, or there is nothing.
    """

    def __init__(
        self,
        *,
        n_users: int,
        events: dict[str, EventFacts],
        dim: int,
        columns: list[str] | Literal["all"] = "all",
        target_time: bool = False,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        timed = "timestamp" in events
        there = [name for name in events if name != "timestamp"] + (list(SIZES) if timed else [])
        chosen = there if columns == "all" else list(dict.fromkeys(columns))
        unknown = [name for name in chosen if name not in (*there, USER)]
        if unknown or not chosen:
            raise ValueError(
                f"context.columns={columns}: the data knows {', '.join([*there, USER])} of an event"
            )
        self.times = [name for name in chosen if name in SIZES]
        if target_time and not self.times:
            raise ValueError(
                "context.target_time=true: context.columns has none of hour, weekday and gap"
            )
        self.columns, self.target_time, self.scale = chosen, target_time, math.sqrt(dim)
        stored = tuple(name for name in chosen if name not in (*SIZES, USER))
        self.wanted = (*stored, "timestamp") if self.times else stored
        sizes = {USER: n_users} | SIZES
        parts: dict[str, nn.Module] = {}
        for name in chosen:
            known = events.get(name, EventFacts())
            if known.mean is not None and known.std is not None:
                parts[name] = Number(known.mean, known.std, dim)
            else:
                parts[name] = Category(sizes.get(name) or len(known.categories or ()), dim)
        self.parts = nn.ModuleList(parts.values())
        asked = self.times if target_time else []
        self.asked = nn.ModuleList(Category(SIZES[name], dim) for name in asked)
        self.dropout = Dropout(dropout)

    def forward(self, history: History) -> Tensor:
        """``c_BLD``."""
        vectors = [
            part(self._value(name, history))
            for name, part in zip(self.columns, self.parts, strict=True)
        ]
        if self.target_time:
            time_BL, next_BL = history.event["timestamp"], after(history)
            for name, part in zip(self.times, self.asked, strict=True):
                vectors.append(part(codes(name, next_BL, time_BL)))
        return self.dropout(torch.stack(vectors).sum(0) * self.scale)

    def _value(self, name: str, history: History) -> Tensor:
        """Codes or numbers of one column, (B, L)."""
        if name == USER:
            return (history.user_B + 1)[:, None].expand_as(history.item_BL)
        if name in SIZES:
            time_BL = history.event["timestamp"]
            return codes(name, time_BL, before(time_BL))
        return history.event[name]


def squashed(value: Tensor) -> Tensor:
    """``sign(x) log(1 + |x|)``: durations and counts of any size become comparable."""
    return value.sign() * value.abs().log1p()
