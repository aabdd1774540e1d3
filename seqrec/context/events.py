"""The context of each event as a vector that is added to its item's."""

import math
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from seqrec.facts import EventFacts
from seqrec.layers.dropout import Dropout
from seqrec.layers.times import SIZES, after, before, codes
from seqrec.shapes import History

USER = "user"


class Category(nn.Module):
    """A vector for each code; zeros for code 0."""

    def __init__(self, size: int, dim: int) -> None:
        super().__init__()
        self.weight_CD = nn.Parameter(torch.zeros(size + 1, dim))

    def forward(self, code_BL: Tensor) -> Tensor:
        """Return ``c_BLD``."""
        return F.embedding(code_BL, self.weight_CD, padding_idx=0)


class Number(nn.Module):
    """A direction for ``sign(x) log(1 + |x|)``, standardised, and a vector for a missing number."""

    def __init__(self, mean: float, std: float, dim: int) -> None:
        super().__init__()
        self.mean, self.std = mean, std
        self.weight_2D = nn.Parameter(torch.zeros(2, dim))

    def forward(self, value_BL: Tensor) -> Tensor:
        """Return ``c_BLD``."""
        missing_BL = value_BL.isnan()
        size_BL = (squashed(value_BL) - self.mean) / self.std
        known_BL2 = torch.stack([size_BL.masked_fill(missing_BL, 0), missing_BL.float()], dim=-1)
        return known_BL2 @ self.weight_2D


class Events(nn.Module):
    """The sum of one vector per context column of an event: ``x = item + c``.

    The context of an event is added to that event's own input, so it can't reach the prediction
    of that same event, only of later ones. The exception, if `target_time` is set, is time, which
    is known when a recommendation is made.

    All vectors are zero at first: training begins with a model of items alone. The factor
    ``sqrt(D)`` is that of the item vectors.

    Args:
        n_users: users of the data.
        events: facts about the context columns of the data, by name.
        dim: width D.
        columns: names of context columns (``rating``, and the source's own), ``hour``,
            ``weekday`` (both UTC) and ``gap`` (time since the event before) if the data has times,
            or ``user``, a vector for each user (as in SSE-PT; Wu et al. 2020); ``all``: every
            column but the user.
        target_time: add hour, weekday and gap of the event to predict, those that `columns` names,
            to the event before it.
        dropout: share of the components of each vector set to zero while training.

    Raises:
        ValueError: the data lacks a column, or no column is left.
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
        present = [name for name in events if name != "timestamp"] + (list(SIZES) if timed else [])
        chosen = present if columns == "all" else list(dict.fromkeys(columns))
        unknown = [name for name in chosen if name not in (*present, USER)]
        if unknown or not chosen:
            raise ValueError(
                f"context.columns={columns}: the data has {', '.join([*present, USER])}"
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
            facts = events.get(name, EventFacts())
            if facts.mean is not None and facts.std is not None:
                parts[name] = Number(facts.mean, facts.std, dim)
            else:
                parts[name] = Category(sizes.get(name) or len(facts.categories or ()), dim)
        self.parts = nn.ModuleList(parts.values())
        asked = self.times if target_time else []
        self.asked = nn.ModuleList(Category(SIZES[name], dim) for name in asked)
        self.dropout = Dropout(dropout)

    def forward(self, history: History) -> Tensor:
        """Return ``c_BLD``."""
        vectors = list(self._vectors(history).values())
        return self.dropout(torch.stack(vectors).sum(0) * self.scale)

    def summands(self, history: History) -> dict[str, Tensor]:
        """Return the vectors that a call sums, by name: ``event.<column>``, and of the next's time.

        ``event.<column> of the next`` is what `target_time` adds.
        """
        return {
            f"event.{name}": c_BLD * self.scale for name, c_BLD in self._vectors(history).items()
        }

    def _vectors(self, history: History) -> dict[str, Tensor]:
        vectors = {
            name: part(self._value(name, history))
            for name, part in zip(self.columns, self.parts, strict=True)
        }
        if self.target_time:
            time_BL, next_BL = history.event["timestamp"], after(history)
            for name, part in zip(self.times, self.asked, strict=True):
                vectors[f"{name} of the next"] = part(codes(name, next_BL, time_BL))
        return vectors

    def _value(self, name: str, history: History) -> Tensor:
        """Return the codes or numbers of one column, (B, L)."""
        if name == USER:
            return (history.user_B + 1)[:, None].expand_as(history.item_BL)
        if name in SIZES:
            time_BL = history.event["timestamp"]
            return codes(name, time_BL, before(time_BL))
        return history.event[name]


def squashed(value: Tensor) -> Tensor:
    """Return ``sign(x) log(1 + |x|)``, which makes durations and counts of any size comparable."""
    return value.sign() * value.abs().log1p()
