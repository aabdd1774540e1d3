"""The letters of tensor shapes, and the data classes passed between the parts.

========  =========================================================================
letter    meaning
========  =========================================================================
``B``     sequences in a batch
``L``     positions of a sequence, padded **on the right** with item 0
``D``     width of embeddings and hidden states
``V``     rows of the item table: the items 1 .. V-1 and the padding id 0
``N``     valid positions of a batch, all sequences together
``S``     sampled negatives
``K``     length of a recommendation list
``P``     (sequence, item) pairs
========  =========================================================================

A tensor's name ends in its shape: ``h_BLD``, ``target_N``.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, fields, replace
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor, nn

UNKNOWN_TIME = torch.iinfo(torch.int64).min


class Movable:
    """A bundle of tensors that goes to a device as one (Lightning calls :meth:`to`)."""

    def to(self, device: torch.device | str, **options: Any) -> Self:
        """Return a copy with every tensor on `device`."""
        return self._each(lambda tensor: tensor.to(device, **options))

    def pin_memory(self) -> Self:
        """Return a copy in page-locked memory, from where a GPU copies while it computes."""
        return self._each(Tensor.pin_memory)

    def _each(self, change: Callable[[Tensor], Tensor]) -> Self:
        values = (getattr(self, field.name) for field in fields(self))  # type: ignore[arg-type]
        return type(self)(*(_changed(value, change) for value in values))


def _changed(value: Any, change: Callable[[Tensor], Tensor]) -> Any:
    if isinstance(value, dict):
        return {key: _changed(inner, change) for key, inner in value.items()}
    if isinstance(value, Movable):
        return value._each(change)
    return change(value) if torch.is_tensor(value) else value


@dataclass(frozen=True)
class History(Movable):
    """B users before their next event: the input of a model.

    Args:
        item_BL: int64, the items, oldest first; 0 from length_B on.
        length_B: int64, at least 1.
        user_B: int64, user index in the store; -1: unknown.
        event: the context columns that the model needs, (B, L) by name: int64 codes of categories,
            0 where unknown; float32 numbers, NaN where unknown; ``timestamp``, int64 milliseconds
            since 1970 UTC, ``UNKNOWN_TIME`` where unknown.
        asked_B: int64, the time to recommend for, like timestamps; None if the model doesn't use
            times.
    """

    item_BL: Tensor
    length_B: Tensor
    user_B: Tensor
    event: dict[str, Tensor] = field(default_factory=dict)
    asked_B: Tensor | None = None

    def masked(self, candidate_V: Tensor | None) -> "History":
        """Replace items outside `candidate_V`, which training never saw, with padding.

        Args:
            candidate_V: bool, the items that training saw; None: all of them.
        """
        if candidate_V is None:
            return self
        return replace(self, item_BL=self.item_BL.masked_fill(~candidate_V[self.item_BL], 0))

    def take(self, row_R: Tensor) -> "History":
        """Return some of the sequences."""
        return History(
            item_BL=self.item_BL[row_R],
            length_B=self.length_B[row_R],
            user_B=self.user_B[row_R],
            event={name: value[row_R] for name, value in self.event.items()},
            asked_B=None if self.asked_B is None else self.asked_B[row_R],
        )

    def latest(self, most: int) -> "History":
        """Return the latest `most` events of each sequence, or all of them."""
        width = self.item_BL.shape[1]
        if width <= most:
            return self
        first_B = (self.length_B - most).clamp(min=0)
        column_BL = first_B[:, None] + torch.arange(most, device=first_B.device)
        length_B = self.length_B.clamp(max=most)
        column_BL = column_BL.clamp(max=width - 1)
        valid_BL = position_mask(length_B, most)
        return replace(
            self,
            item_BL=self.item_BL.gather(1, column_BL).masked_fill(~valid_BL, 0),
            length_B=length_B,
            event={name: value.gather(1, column_BL) for name, value in self.event.items()},
        )


torch.export.register_dataclass(History)  # so that models that take one can be exported


@dataclass(frozen=True)
class TrainBatch(Movable):
    """Sequences to learn from: at each valid position the next item is the target."""

    history: History
    prefix_B: Tensor  # int64, how many of the first positions are only seen, not learned from
    target_BL: Tensor  # int64, the item that follows; 0 where padded
    rating_BL: Tensor | None  # float32, the rating of the target
    weight: float  # positions here over the mean of all batches; times the mean loss: unbiased


@dataclass(frozen=True)
class EvalBatch(Movable):
    """Histories with the one item that follows each."""

    history: History
    event_B: Tensor  # int64, place of the event in its split
    target_B: Tensor
    rating_B: Tensor | None
    seen_row_P: Tensor  # int64, row in the batch of each seen pair
    seen_item_P: Tensor  # int64, an item somewhere in that row's whole history


@dataclass(frozen=True)
class Segments:
    """Stretches of sequences to learn from: inputs ``start .. end``, int64, by segment.

    At each input from ``start + prefix`` on, the event after it is a target.
    """

    start: np.ndarray
    end: np.ndarray
    prefix: np.ndarray


@dataclass(frozen=True)
class Targets:
    """The targets at the valid positions of a batch."""

    item_N: Tensor  # int64
    row_N: Tensor  # int64, the sequence each position belongs to
    rating_N: Tensor | None = None  # float32
    user_N: Tensor | None = None  # int64, user index in the store; -1: unknown
    weight_N: Tensor | None = None  # float32, not negative; None: all count alike

    def take(self, place_M: Tensor) -> "Targets":
        """Return some of the targets."""
        values = {each.name: getattr(self, each.name) for each in fields(self)}
        return replace(self, **{n: v[place_M] for n, v in values.items() if v is not None})


@dataclass(frozen=True)
class Negatives:
    """Sampled items to compare the target with.

    ``item`` is shared by all positions, shape (S,), or drawn for each, shape (N, S).
    """

    item: Tensor  # int64, (S,) or (N, S)
    log_q: Tensor  # float32, like item: log probability that one draw gives this item
    keep_NS: Tensor  # bool: False where the draw is the target or, if asked, a false negative
    lesson: Tensor | None = None  # scalar whose gradient teaches the sampler; its value is nothing


def position_mask(length_B: Tensor, width: int) -> Tensor:
    """Return ``mask_BL``, True at the valid positions of right-padded sequences."""
    return torch.arange(width, device=length_B.device) < length_B[:, None]


def at_position(h_BLD: Tensor, position_B: Tensor) -> Tensor:
    """Pick one position of each sequence: ``h_BD``.

    It gathers, because models that index with a pair of tensors can't be exported.
    """
    index_B1D = position_B[:, None, None].expand(-1, 1, h_BLD.shape[-1])
    return h_BLD.gather(1, index_B1D).squeeze(1)


def count_parameters(module: nn.Module) -> int:
    """Count the trainable parameters of `module`."""
    return sum(p.numel() for p in module.parameters() if p.requires_grad)
