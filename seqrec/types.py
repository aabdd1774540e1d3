"""Shapes, said once, and the things that travel between the parts.

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
from typing import Any, ClassVar, Protocol, Self

import numpy as np
import polars as pl
import torch
import torch.nn.functional as F
from torch import Tensor, nn

UNKNOWN_TIME = torch.iinfo(torch.int64).min
ROUNDING = 1e-6  # of |query| |item|: scores nearer than this are equal within float32


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
    """What is known of B users before their next event: all that a model is asked with.

    Args:
        item_BL: int64, the items, oldest first; 0 from length_B on.
        length_B: int64, at least 1.
        user_B: int64, user index in the store; -1: unknown.
        event: what else is known of each event, (B, L) by name: int64 codes of categories, 0 where
            unknown; float32 numbers, NaN where unknown; ``timestamp``, int64 milliseconds since
            1970 UTC, ``UNKNOWN_TIME`` where unknown. Only what the model wants.
        asked_B: int64, the time that a recommendation is wanted for, like timestamps; None where
            the model has no use for times.
    """

    item_BL: Tensor
    length_B: Tensor
    user_B: Tensor
    event: dict[str, Tensor] = field(default_factory=dict)
    asked_B: Tensor | None = None

    def known(self, known_V: Tensor | None) -> "History":
        """Items outside `known_V`, which training never saw, count as padding; None: all do."""
        if known_V is None:
            return self
        return replace(self, item_BL=self.item_BL.masked_fill(~known_V[self.item_BL], 0))


@dataclass(frozen=True)
class TrainBatch(Movable):
    """Sequences to learn from: at each valid position the next item is the target."""

    history: History
    context_B: Tensor  # int64, how many of the first positions are only seen, not learned from
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

    At each input from ``start + context`` on, the event after it is a target.
    """

    start: np.ndarray
    end: np.ndarray
    context: np.ndarray


@dataclass(frozen=True)
class Targets:
    """What the valid positions of a batch should predict."""

    item_N: Tensor  # int64
    row_N: Tensor  # int64, the sequence each position belongs to
    rating_N: Tensor | None = None  # float32


@dataclass(frozen=True)
class Negatives:
    """Sampled items to tell the target from.

    ``item`` is shared by all positions, shape (S,), or drawn for each, shape (N, S).
    """

    item: Tensor  # int64, (S,) or (N, S)
    log_q: Tensor  # float32, like item: log probability that one draw gives this item
    keep_NS: Tensor  # bool: False where the draw is the target or, if asked, a false negative


@dataclass(frozen=True)
class Catalogue:
    """What a query is scored against: ``score(q, i) = q . table[i] + bias[i]``.

    Every scorer comes down to this form, so losses, exact ranking, export and index search all
    work with every scorer.
    """

    table_VD: Tensor
    bias_V: Tensor | None = None
    sparse: bool = False  # chosen items leave the table a sparse gradient

    def vectors(self, item: Tensor) -> Tensor:
        """Rows of the table: item's shape, and D."""
        return F.embedding(item, self.table_VD, sparse=self.sparse)

    def score(self, query_ND: Tensor, item: Tensor) -> Tensor:
        """Scores in float32 of chosen items.

        Args:
            query_ND: the queries.
            item: (N,) one item a query -> (N,); (N, S) own items for each query -> (N, S);
                (S,) is not told from (N,): pass shared items to :meth:`score_shared`.
        """
        table = self.vectors(item).float()
        query = query_ND.float()
        scores = (
            (query * table).sum(-1) if item.dim() == 1 else torch.einsum("nd,nsd->ns", query, table)
        )
        return scores if self.bias_V is None else scores + self.bias_V[item].float()

    def score_shared(self, query_ND: Tensor, item_S: Tensor) -> Tensor:
        """Scores in float32 of the same items for every query: (N, S)."""
        scores = query_ND.float() @ self.vectors(item_S).float().T
        return scores if self.bias_V is None else scores + self.bias_V[item_S].float()

    def __len__(self) -> int:
        """Rows V of the table."""
        return len(self.table_VD)

    def block(self, query_ND: Tensor, first: int, last: int) -> Tensor:
        """Scores in float32 of the items ``first .. last - 1``: (N, last - first)."""
        score_NW = query_ND.float() @ self.table_VD[first:last].float().T
        return score_NW if self.bias_V is None else score_NW.add_(self.bias_V[first:last])

    def rounding(self, query_ND: Tensor, item_N: Tensor, score_N: Tensor) -> Tensor:
        """How far two sums of the same score can lie apart in float32: (N,).

        A sum and a matrix product round differently.
        """
        size_N = self.table_VD[item_N].float().norm(dim=1)
        return ROUNDING * query_ND.float().norm(dim=1) * size_N


class Ranked(Protocol):
    """What the items can be ranked by: all that evaluating and recommending need to know.

    A query is one row of whatever `block` takes: a tensor for a :class:`Catalogue`. `score` is of
    one item a query, (N,), or of S own ones each, (N, S).
    """

    def __len__(self) -> int: ...
    def score(self, query: Any, item: Tensor) -> Tensor: ...
    def score_shared(self, query: Any, item_S: Tensor) -> Tensor: ...
    def block(self, query: Any, first: int, last: int) -> Tensor: ...
    def rounding(self, query: Any, item_N: Tensor, score_N: Tensor) -> Tensor: ...


@dataclass(frozen=True)
class Facts:
    """What only the data knows."""

    n_items: int
    n_users: int = 0
    item_count_V: Tensor | None = None  # training events of each item
    rating_mean: float | None = None  # of the training events; None: no ratings
    items: Callable[[], pl.DataFrame] | None = None  # index, item, title, features; None: unknown
    events: dict[str, dict[str, Any]] = field(default_factory=dict)  # columns, see below

    # ``events`` says what is known of each event: {"timestamp": {}}, {"device": {"categories":
    # ["phone", "tablet"]}}, {"dwell": {"mean": 12.5, "std": 3.1}} over the training events

    def plain(self) -> dict[str, Any]:
        """The part that rebuilding a trained model takes."""
        own = ("n_items", "n_users", "rating_mean", "events")
        return {name: getattr(self, name) for name in own}


class Window(Protocol):
    """Cuts histories into segments of at most `max_length` inputs, each target at most once."""

    def __call__(self, start: np.ndarray, end: np.ndarray, max_length: int) -> Segments: ...


class ItemEmbedding(Protocol):
    """Histories to vectors ``x_BLD``; those of all items double as output table for tied scorers.

    One with ``from_start = True`` needs no history, so a user's first event is a target, too.
    """

    def __call__(self, history: History) -> Tensor: ...
    def table(self) -> Tensor: ...


class EventContext(Protocol):
    """What is known of each event beside its item, as ``c_BLD`` that joins the item's vector."""

    wanted: tuple[str, ...]  # columns of the store

    def __call__(self, history: History) -> Tensor: ...


class Encoder(Protocol):
    """``x_BLD -> h_BLD``. A causal one sees positions ``<= t`` at position t, so never padding."""

    causal: ClassVar[bool]

    def __call__(self, x_BLD: Tensor, length_B: Tensor) -> Tensor: ...


class Head(Protocol):
    """``h_BLD -> u_BLD``: the summary of every prefix, all at once.

    One with ``local = True`` takes a position's own state alone. An encoder may then have
    ``last(x_BLD, length_B) -> h_BD``, the state at the last valid position for less work.
    """

    def __call__(self, h_BLD: Tensor) -> Tensor: ...

    def weights(self, h_BLD: Tensor, position_B: Tensor) -> Tensor:
        """Attention over the positions ``<= position_B``, as alpha_BL; 0 beyond."""
        ...


class Scorer(Protocol):
    """``u_ND -> query_ND``, and the catalogue that queries are scored against.

    One whose scores are no products of vectors says ``has_vectors = False``.
    """

    def __call__(self, u_ND: Tensor) -> Tensor: ...
    def catalogue(self, table_VD: Tensor) -> Ranked: ...


class NegativeSampler(Protocol):
    """Draws items that a position should not predict."""

    def __call__(self, targets: Targets, item_BL: Tensor) -> Negatives: ...


class Loss(Protocol):
    """Mean loss over the valid positions, in float32; with ``needs_ratings``, a RatingLoss."""

    needs_negatives: ClassVar[bool]
    needs_ratings: ClassVar[bool]

    def __call__(
        self,
        query_ND: Tensor,
        targets: Targets,
        catalogue: Any,  # Ranked; a Catalogue where the loss says ``needs_vectors``
        negatives: Negatives | None,
    ) -> Tensor: ...


class RatingLoss(Loss, Protocol):
    """A loss that learns from ratings, and predicts them."""

    def predict(self, query_ND: Tensor, item_N: Tensor, catalogue: Ranked) -> Tensor: ...


def position_mask(length_B: Tensor, width: int) -> Tensor:
    """``mask_BL``: True at the valid positions of right-padded sequences."""
    return torch.arange(width, device=length_B.device) < length_B[:, None]


def at_position(h_BLD: Tensor, position_B: Tensor) -> Tensor:
    """Pick one position of each sequence: ``h_BD``."""
    return h_BLD[torch.arange(len(h_BLD), device=h_BLD.device), position_B]


def count_parameters(module: nn.Module) -> int:
    """Trainable parameters."""
    return sum(p.numel() for p in module.parameters() if p.requires_grad)
