"""A model that is asked again and again, while lists grow behind its histories."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

from seqrec.contracts import Ranked
from seqrec.ranking.policy import Policy
from seqrec.ranking.rank import BLOCK_BYTES
from seqrec.shapes import UNKNOWN_TIME, EvalBatch, History

Made = tuple[Tensor, Tensor]  # item_Bn, score_Bn


class Asked(Protocol):
    """Any model: it makes queries of whole histories, in the form that its catalogue takes."""

    def query(self, history: History, candidate_V: Tensor | None = None) -> Any: ...


@dataclass(frozen=True)
class Asker:
    """What a generator asks: a model, under a policy.

    Args:
        model: in evaluation mode, on the device of the batches.
        catalogue: the model's, that its queries are scored against.
        policy: which items may be recommended.
        max_length: latest events of a history that the model sees.
    """

    model: Asked
    catalogue: Ranked
    policy: Policy
    max_length: int

    def grow(
        self,
        batch: EvalBatch,
        lists: int,
        make: Callable[["Growing"], Made],
        *,
        numbers: int | None = None,
    ) -> Made:
        """Make lists for some histories after the other, as many at once as memory allows.

        Args:
            batch: the histories, and what each has seen.
            lists: lists that grow side by side behind each history.
            make: what makes them.
            numbers: that are held at once for each list; None: a score of every item.
        """
        rows = len(batch.history.length_B)
        size = max(1, BLOCK_BYTES // (4 * lists * (numbers or len(self.catalogue))))
        parts = [part_of(batch, first, first + size) for first in range(0, rows, size)]
        made = [make(Growing(self, part, lists)) for part in parts]
        return torch.cat([item_Bn for item_Bn, _ in made]), torch.cat([score for _, score in made])


class Growing:
    """R unfinished lists: `lists` behind each of B histories, those of a history side by side.

    An item that is appended is an event of the history from then on. Nothing is known of this
    event: categories, numbers and ratings are unknown, and its time is that of the question, as if
    a list were taken at once.

    Args:
        asker: the model and its policy.
        batch: the histories, and what each has seen.
        lists: lists of each history.
    """

    def __init__(self, asker: Asker, batch: EvalBatch, lists: int) -> None:
        self.asker, self.lists = asker, lists
        size, device = len(batch.history.length_B), batch.history.length_B.device
        row_R = torch.arange(size, device=device).repeat_interleave(lists)
        self.history = batch.history.take(row_R)
        self.allowed_RV = asker.policy.allowed(batch, len(asker.catalogue))[row_R]

    def __len__(self) -> int:
        """Return the number of lists R."""
        return len(self.history.length_B)

    def scores(self) -> Tensor:
        """Return ``score_RV`` of every item as the next; minus infinity where it isn't allowed.

        Where no item is, the padding alone has a finite score, 0: it ends a list.
        """
        candidate_V = self.asker.policy.candidate_V
        query = self.asker.model.query(self.history, candidate_V)
        score_RV = self.asker.catalogue.block(query, 0, len(self.asker.catalogue)).float()
        score_RV = score_RV.masked_fill(score_RV.isnan() | ~self.allowed_RV, -math.inf)
        score_RV[:, 0] = torch.where((score_RV == -math.inf).all(1), 0.0, -math.inf)
        return score_RV

    def append(self, item_R: Tensor) -> None:
        """Append an item to each list; item 0 leaves it as it is."""
        self.history = followed(self.history, item_R, self.asker.max_length)
        self.allowed_RV = self.allowed_RV.scatter(1, item_R[:, None], False)

    def take(self, row_R: Tensor) -> None:
        """Go on with these lists, one of them perhaps several times."""
        self.history, self.allowed_RV = self.history.take(row_R), self.allowed_RV[row_R]


def followed(history: History, item_B: Tensor, max_length: int) -> History:
    """Return the histories with one more event each, at most the latest `max_length` of them.

    Args:
        history: right-padded histories of up to `max_length` events.
        item_B: int64, the item that follows; 0: none does.
        max_length: events to keep.
    """
    more_B = item_B > 0
    length_B = history.length_B + more_B
    width = min(history.item_BL.shape[1] + 1, max_length)
    first_B = (length_B - max_length).clamp(min=0)
    index_BL = first_B[:, None] + torch.arange(width, device=item_B.device)

    def grown(value_BL: Tensor, value_B: Tensor, unknown: float) -> Tensor:
        row_B1 = torch.where(more_B, value_B, torch.full_like(value_B, unknown))[:, None]
        longer_BL = F.pad(value_BL, (0, 1), value=unknown)
        return longer_BL.scatter(1, history.length_B[:, None], row_B1).gather(1, index_BL)

    event = {}
    for name, value_BL in history.event.items():
        unknown = math.nan if value_BL.is_floating_point() else 0
        value_B = torch.full_like(value_BL[:, 0], unknown)
        if name == "timestamp":
            assert history.asked_B is not None
            unknown, value_B = UNKNOWN_TIME, history.asked_B
        event[name] = grown(value_BL, value_B, unknown)
    return replace(
        history,
        item_BL=grown(history.item_BL, item_B, 0),
        length_B=length_B.clamp(max=max_length),
        event=event,
    )


def part_of(batch: EvalBatch, first: int, last: int) -> EvalBatch:
    """Return the histories ``first .. last - 1`` of a batch."""
    rows = slice(first, last)
    here_P = (batch.seen_row_P >= first) & (batch.seen_row_P < last)
    return EvalBatch(
        history=batch.history.take(
            torch.arange(len(batch.event_B), device=batch.event_B.device)[rows]
        ),
        event_B=batch.event_B[rows],
        target_B=batch.target_B[rows],
        rating_B=None if batch.rating_B is None else batch.rating_B[rows],
        seen_row_P=batch.seen_row_P[here_P] - first,
        seen_item_P=batch.seen_item_P[here_P],
    )
