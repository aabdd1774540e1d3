"""One of several augmentations for each row."""

from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from seqrec.augment._rows import uniform_rows
from seqrec.contracts import Augment
from seqrec.shapes import TrainBatch


class Either:
    """Draw for each row which of several augmentations changes it (as CL4SRec and CoSeRec do).

    Every one is applied to the whole batch, and each row is taken from one of the results.

    Args:
        of: the augmentations by any name; at least one.
    """

    def __init__(self, *, of: dict[str, Augment]) -> None:
        if not of:
            raise ValueError("augment: of={} names nothing to choose from")
        self.of = of

    def __call__(self, batch: TrainBatch, generator: Generator) -> TrainBatch:
        """Return a batch as wide as the widest of the results."""
        which_B = (uniform_rows(batch, generator) * len(self.of)).long()
        results = [augment(batch, generator) for augment in self.of.values()]
        width = max(result.history.item_BL.shape[1] for result in results)
        chosen = _padded(results[0], width)
        for at, result in enumerate(results[1:], 1):
            chosen = _rows_of(_padded(result, width), chosen, which_B == at)
        return chosen


def _padded(batch: TrainBatch, width: int) -> TrainBatch:
    """Return the batch with further columns of padding."""

    def wider(value_BL: Tensor) -> Tensor:
        return F.pad(value_BL, (0, width - value_BL.shape[1]))

    history = replace(
        batch.history,
        item_BL=wider(batch.history.item_BL),
        event={name: wider(column_BL) for name, column_BL in batch.history.event.items()},
    )
    rating_BL = None if batch.rating_BL is None else wider(batch.rating_BL)
    return replace(batch, history=history, target_BL=wider(batch.target_BL), rating_BL=rating_BL)


def _rows_of(one: TrainBatch, other: TrainBatch, first_B: Tensor) -> TrainBatch:
    """Return the rows of one batch where `first_B`, else those of another."""

    def of(left: Tensor, right: Tensor) -> Tensor:
        return torch.where(first_B if left.dim() == 1 else first_B[:, None], left, right)

    a, b = one.history, other.history
    history = replace(
        a,
        item_BL=of(a.item_BL, b.item_BL),
        length_B=of(a.length_B, b.length_B),
        event={name: of(column, b.event[name]) for name, column in a.event.items()},
        asked_B=None if a.asked_B is None or b.asked_B is None else of(a.asked_B, b.asked_B),
    )
    rated = one.rating_BL is not None and other.rating_BL is not None
    return replace(
        one,
        history=history,
        prefix_B=of(one.prefix_B, other.prefix_B),
        target_BL=of(one.target_BL, other.target_BL),
        rating_BL=of(one.rating_BL, other.rating_BL) if rated else None,  # type: ignore[arg-type]
    )
