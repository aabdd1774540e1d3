"""Masked items, predicted from both sides (Sun et al. 2019, BERT4Rec)."""

from dataclasses import replace
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from seqrec.contracts import Loss, Model, NegativeSampler
from seqrec.layers.draws import own_generator, uniform
from seqrec.objective.next_item import NextItem
from seqrec.shapes import UNKNOWN_TIME, EvalBatch, History, Targets, TrainBatch, position_mask


class MaskedItem:
    """Hide some items of each sequence, its last one among them, and predict these alone.

    A hidden item is item 0 at a valid position, for which the model has a vector of its own; its
    columns are unknown, except for its time. What follows a history is asked for by one more hidden
    item behind it. The first item of a sequence is never hidden. The loss may be any; the paper's
    is a full softmax.

    Args:
        loss: compares queries with targets.
        negatives: sampler, for losses that need negatives.
        share: of the items of a sequence that are hidden, each by itself, and at least one.
        last: share of the sequences of which only the last item is hidden, as when a model is
            asked.
    """

    trains: ClassVar[str] = "any"
    further: ClassVar[int] = 1
    takes_shards: ClassVar[bool] = True
    bounds: ClassVar[dict[str, tuple[int, int]]] = {"share": (0, 1), "last": (0, 1)}

    def __init__(
        self, *, loss: Loss, negatives: NegativeSampler, share: float = 0.4, last: float = 0.1
    ) -> None:
        if not (0 <= share <= 1 and 0 <= last <= 1):
            raise ValueError(f"objective.share={share} and last={last} must be from 0 to 1")
        self.compared = NextItem(loss=loss, negatives=negatives)
        self.share, self.last = share, last

    @staticmethod
    def ask(history: History) -> History:
        """Return the history with a hidden item behind it."""
        return longer(history, torch.zeros_like(history.length_B))

    def __call__(self, model: Model, batch: TrainBatch) -> tuple[Tensor, int, dict[str, Tensor]]:
        """Return the mean loss of the hidden items, their number, and the loss as a term."""
        told = batch.history
        hide_BL = self._drawn(batch, own_generator(told.item_BL.device))
        final_B = batch.target_BL.gather(1, told.length_B[:, None] - 1).squeeze(1)
        u_BLD = model(hidden(longer(told, final_B), F.pad(hide_BL, (1, 0))))
        row_N, column_N = hide_BL.nonzero(as_tuple=True)
        rating_N = None if batch.rating_BL is None else batch.rating_BL[row_N, column_N]
        item_N, user_N = batch.target_BL[row_N, column_N], told.user_B[row_N]
        query_ND = model.scorer(u_BLD[row_N, column_N + 1])
        targets = Targets(item_N, row_N, rating_N, user_N)
        loss = self.compared.compare(model, query_ND, targets, told.item_BL)
        return loss, len(item_N), {"masked_item": loss}

    def _drawn(self, batch: TrainBatch, generator: Generator) -> Tensor:
        """Return ``hide_BL``: the positions whose target is hidden where it stands."""
        length_B, width = batch.history.length_B, batch.target_BL.shape[1]
        learned_BL = position_mask(length_B, width) & ~position_mask(batch.prefix_B, width)
        drawn_BL = uniform(learned_BL, generator)
        some_BL = (drawn_BL < self.share) | (drawn_BL == drawn_BL.amin(1, keepdim=True))
        final_BL = torch.arange(width, device=length_B.device) == length_B[:, None] - 1
        rows_B = torch.rand(len(length_B), generator=generator, device=length_B.device)
        return torch.where(rows_B[:, None] < self.last, final_BL, some_BL & learned_BL)

    def held_out(self, model: Model, query_BD: Tensor, batch: EvalBatch) -> Tensor:
        """Return the mean loss at held-out events."""
        return self.compared.held_out(model, query_BD, batch)

    def scores_bytes(self, n_items: int, device_type: str, *, half: bool) -> int:
        """Return the bytes of scores that the loss holds at once."""
        return self.compared.scores_bytes(n_items, device_type, half=half)


def longer(history: History, item_B: Tensor) -> History:
    """Return the history with one more item, of which nothing is known but when it is."""
    width = history.item_BL.shape[1] + 1
    end_BL = torch.arange(width, device=history.length_B.device) == history.length_B[:, None]
    event = {}
    for name, column_BL in history.event.items():
        value: Tensor = torch.full_like(history.length_B, 0, dtype=column_BL.dtype)
        if name == "timestamp":
            value = value + UNKNOWN_TIME if history.asked_B is None else history.asked_B
        elif column_BL.is_floating_point():
            value = value + torch.nan
        event[name] = torch.where(end_BL, value[:, None], F.pad(column_BL, (0, 1)))
    item_BL = torch.where(end_BL, item_B[:, None], F.pad(history.item_BL, (0, 1)))
    return replace(history, item_BL=item_BL, length_B=history.length_B + 1, event=event)


def hidden(history: History, hide_BL: Tensor) -> History:
    """Return the history with some of its items unknown, and their columns too, but for times."""
    event = {
        name: column_BL.masked_fill(hide_BL, torch.nan if column_BL.is_floating_point() else 0)
        for name, column_BL in history.event.items()
        if name != "timestamp"
    }
    item_BL = history.item_BL.masked_fill(hide_BL, 0)
    return replace(history, item_BL=item_BL, event=history.event | event)
