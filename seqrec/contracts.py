"""The contracts of the components: what each kind takes and returns."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol

import numpy as np
import polars as pl
from torch import Tensor

from seqrec.shapes import History, Negatives, Segments, Targets


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


class Reranker(Protocol):
    """Reorders the first `depth` items of each ranking; with 0 it is never asked.

    ``order_BK = reranker(item_BK, score_BK, history)``: the places, from 0, in their new order, in
    each row a permutation that depends on this row alone. Items are listed best first with their
    scores; where there are fewer than K, a row ends in item 0 (score minus infinity), and has to
    end so again.
    """

    depth: int

    def __call__(self, item_BK: Tensor, score_BK: Tensor, history: History) -> Tensor: ...
