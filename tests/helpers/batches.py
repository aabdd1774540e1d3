"""Training and evaluation batches of random sequences, without a store."""

from dataclasses import replace

import torch
import torch.nn.functional as F

from helpers.components import ITEMS
from seqrec.shapes import EvalBatch, History, TrainBatch


def train_batch(length_B: list[int], *, width: int | None = None) -> TrainBatch:
    """Return sequences of these lengths, with ratings, a time a day and a first position to see."""
    length = torch.tensor(length_B)
    width = width or max(length_B)
    item_BL = torch.randint(1, ITEMS + 1, (len(length), width + 1))
    valid_BL = torch.arange(width) < length[:, None]
    time_BL = (torch.arange(width) * 86_400_000).expand(len(length), width)
    history = History(
        item_BL=item_BL[:, :-1] * valid_BL,
        length_B=length,
        user_B=torch.arange(len(length)),
        event={"timestamp": time_BL * valid_BL},
        asked_B=length * 86_400_000,
    )
    return TrainBatch(
        history=history,
        prefix_B=(length - 1).clamp(max=1),
        target_BL=item_BL[:, 1:] * valid_BL,
        rating_BL=torch.rand(len(length), width) * valid_BL,
        weight=1.0,
    )


def padded(batch: TrainBatch, more: int) -> TrainBatch:
    """Return the batch with further columns of padding."""

    def wider(value_BL: torch.Tensor) -> torch.Tensor:
        return F.pad(value_BL, (0, more))

    event = {name: wider(value) for name, value in batch.history.event.items()}
    told = replace(batch.history, item_BL=wider(batch.history.item_BL), event=event)
    target_BL, rating_BL = wider(batch.target_BL), wider(batch.rating_BL)
    return replace(batch, history=told, target_BL=target_BL, rating_BL=rating_BL)


def eval_batch(history: History) -> EvalBatch:
    """Return histories that are each followed by a random item."""
    rows = len(history.length_B)
    none = torch.zeros(0, dtype=torch.long)
    target_B = torch.randint(1, ITEMS + 1, (rows,))
    return EvalBatch(history, torch.arange(rows), target_B, torch.rand(rows), none, none)


class Noise:
    """Random items in place of half of a batch's inputs, as an augmentation."""

    def __call__(self, batch: TrainBatch, generator: torch.Generator) -> TrainBatch:
        item_BL = batch.history.item_BL
        drawn_BL = torch.randint(1, ITEMS + 1, item_BL.shape, generator=generator)
        kept_BL = (torch.rand(item_BL.shape, generator=generator) < 0.5) | (item_BL == 0)
        noisy = replace(batch.history, item_BL=torch.where(kept_BL, item_BL, drawn_BL))
        return replace(batch, history=noisy)
