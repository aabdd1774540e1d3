"""Rows of a training batch in another order or length, with targets that stay true."""

from dataclasses import replace

import torch
from torch import Generator, Tensor

from seqrec.shapes import TrainBatch, position_mask


def gathered(batch: TrainBatch, source_BL: Tensor, length_B: Tensor) -> TrainBatch:
    """Return the rows made of some of their events, each with its columns.

    The target at a position is what truly followed **the newest event seen so far**. No input is
    later than its target, whatever the order, so nothing of the future is seen. Positions whose
    newest event was only seen, and not learned from, are so again; they must remain in front of
    others, so the newest event of a row has to be one that is learned from.

    Args:
        batch: the batch; it stays as it is.
        source_BL: int64, the old position of the event at each new one; any number from length_B
            on. The width may be another.
        length_B: int64, the new lengths, at least 1.
    """
    old, width = batch.history, source_BL.shape[1]
    valid_BL = position_mask(length_B, width)
    source_BL = source_BL.masked_fill(~valid_BL, 0)
    newest_BL = source_BL.cummax(1).values
    seen_BL = (newest_BL < batch.prefix_B[:, None]) & valid_BL
    history = replace(
        old,
        item_BL=old.item_BL.gather(1, source_BL) * valid_BL,
        length_B=length_B,
        event={name: column_BL.gather(1, source_BL) for name, column_BL in old.event.items()},
        asked_B=_asked(batch, newest_BL[:, -1]),
    )
    rating_BL = batch.rating_BL
    return replace(
        batch,
        history=history,
        prefix_B=seen_BL.sum(1),
        target_BL=batch.target_BL.gather(1, newest_BL) * valid_BL,
        rating_BL=None if rating_BL is None else rating_BL.gather(1, newest_BL) * valid_BL,
    )


def uniform_rows(batch: TrainBatch, generator: Generator) -> Tensor:
    """Draw a number in [0, 1) for each row, float32 (B,)."""
    length_B = batch.history.length_B
    return torch.rand(len(length_B), generator=generator, device=length_B.device)


def valid(batch: TrainBatch) -> Tensor:
    """Return ``mask_BL``, True at the valid positions."""
    return position_mask(batch.history.length_B, batch.history.item_BL.shape[1])


def check_share(share: float, name: str = "share") -> None:
    """Refuse what isn't a share.

    Raises:
        ValueError: it isn't in 0 to 1.
    """
    if not 0 <= share <= 1:
        raise ValueError(f"augment: {name}={share} must be from 0 to 1")


def _asked(batch: TrainBatch, newest_B: Tensor) -> Tensor | None:
    """Return the time of what is to be predicted last: of the event after the newest one."""
    history = batch.history
    if history.asked_B is None or "timestamp" not in history.event:
        return history.asked_B
    after_B = (newest_B + 1).clamp(max=history.item_BL.shape[1] - 1)[:, None]
    time_B = history.event["timestamp"].gather(1, after_B).squeeze(1)
    return torch.where(newest_B + 1 < history.length_B, time_B, history.asked_B)
