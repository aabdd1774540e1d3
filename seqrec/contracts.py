"""The contracts of the components: what each kind takes and returns."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, Protocol

import numpy as np
import polars as pl
from torch import Generator, Tensor
from torch.optim import Optimizer

from seqrec.shapes import EvalBatch, History, Negatives, Segments, Targets, TrainBatch


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
class EventFacts:
    """What a column of the events holds: names, numbers, or (neither is given) times."""

    categories: list[str] | None = None  # their names; codes begin with 1
    mean: float | None = None  # over the training events, squashed
    std: float | None = None  # likewise; never 0


@dataclass(frozen=True)
class Facts:
    """What only the data knows. A component that has a parameter of a field's name receives it."""

    n_items: int
    n_users: int = 0
    item_count_V: Tensor | None = None  # training events of each item
    rating_mean: float | None = None  # of the training events; None: no ratings
    items: Callable[[], pl.DataFrame] | None = None  # index, item, title, features; None: unknown
    events: dict[str, EventFacts] = field(default_factory=dict)  # by column, ``timestamp`` too

    def plain(self) -> dict[str, Any]:
        """The part that rebuilding a trained model takes, for ``run.json``."""
        columns = {
            name: {key: value for key, value in vars(column).items() if value is not None}
            for name, column in self.events.items()
        }
        own = ("n_items", "n_users", "rating_mean")
        return {name: getattr(self, name) for name in own} | {"events": columns}

    @classmethod
    def read(cls, plain: Any) -> "Facts":
        """What :meth:`plain` wrote.

        Raises:
            ValueError: it is something else.
        """
        own: dict[str, tuple[type, ...]] = {
            "n_items": (int,),
            "n_users": (int,),
            "rating_mean": (int, float, type(None)),
            "events": (dict,),
        }
        if not isinstance(plain, dict) or "n_items" not in plain:
            raise ValueError("facts: n_items is missing")
        for name, value in plain.items():
            if name not in own or not isinstance(value, own[name]):
                raise ValueError(f"facts.{name} is none of what a run knows")
        try:
            events = {
                name: EventFacts(**column) for name, column in plain.get("events", {}).items()
            }
        except TypeError as error:
            raise ValueError(f"facts.events: {error}") from error
        return cls(**{**plain, "events": events})


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
    """``x_BLD -> h_BLD``. A causal one sees positions ``<= t`` at position t, so never padding.

    One that reads columns of the events, such as ``timestamp``, names them in ``wanted``, as a
    context does; without it, none. Two more methods are optional:

    - ``last(x_BLD, history) -> h_BD``: the state at the last valid position, for less work.
    - ``weights(x_BLD, history) -> alpha_BHL``: the attention of the last layer's H heads at the
      last valid position; 0 beyond it.
    """

    causal: ClassVar[bool]

    def __call__(self, x_BLD: Tensor, history: History) -> Tensor: ...


class Head(Protocol):
    """``h_BLD -> u_BLD``: the summary of every prefix, all at once.

    One with ``local = True`` takes a position's own state alone, so that the encoder's ``last`` is
    enough for it. One of several heads may have ``head_weights(...) -> alpha_BHL``.
    """

    def __call__(self, h_BLD: Tensor) -> Tensor: ...

    def at(self, h_BLD: Tensor, position_B: Tensor) -> Tensor:
        """``u_BD``: the summary at one position of each sequence, as a call has it there, in O(L).

        It can be exported with any number of sequences and positions: no index by two tensors, no
        Python loop over positions, no length that is kept as a number.
        """
        ...

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
    """Mean loss over the valid positions, in float32; with ``needs_ratings``, a RatingLoss.

    One that holds scores of the whole catalogue says how many bytes of them at once:
    ``scores_bytes(n_items, device_type, half) -> int``.
    """

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


class Model(Protocol):
    """A model as its objective sees it; see :class:`~seqrec.model.SequenceModel`."""

    scorer: Scorer

    def __call__(self, history: History) -> Tensor: ...
    def embed(self, history: History, candidate_V: Tensor | None = None) -> Tensor: ...
    def read(self, x_BLD: Tensor, history: History) -> Tensor: ...
    def catalogue(self) -> Ranked: ...


class Objective(Protocol):
    """Owns the passes of a training step.

    The run's loss and its sampler of negatives reach the parameters ``loss`` and ``negatives``, of
    an objective that has them. Its class says which encoders it can train: ``trains = "causal"``
    or ``"any"``.
    """

    trains: ClassVar[str]

    @staticmethod
    def ask(history: History) -> History:
        """Return the question for a history's next item: the history, or one with more at its end.

        Whatever asks a trained model asks like this; so it depends on no state.
        """
        ...

    def __call__(self, model: Model, batch: TrainBatch) -> tuple[Tensor, int, dict[str, Tensor]]:
        """Return the mean loss, the number of targets, and the terms of the loss by name."""
        ...

    def held_out(self, model: Model, query_BD: Tensor, batch: EvalBatch) -> Tensor:
        """Return the mean loss at held-out events, of the queries that ranked them."""
        ...

    def scores_bytes(self, n_items: int, device_type: str, *, half: bool) -> int:
        """Return the bytes of scores of the whole catalogue that a step holds at once."""
        ...


class Augment(Protocol):
    """Changes a training batch before its objective sees it, row by row or all together.

    What it gives is a batch like any other: padded on the right, lengths of at least 1, a target at
    each valid position. Every random number comes from the generator.
    """

    def __call__(self, batch: TrainBatch, generator: Generator) -> TrainBatch: ...


class Scheduler(Protocol):
    """An optimizer to Lightning's description of its schedule; None: the rate stays as it is.

    `monitor` is the validation metric that a schedule may go by, `mode` which way it is better.
    """

    def __call__(
        self,
        optimizer: Optimizer,
        *,
        total_steps: int,
        monitor: str,
        mode: Literal["min", "max"],
    ) -> dict[str, Any] | None: ...


class Reranker(Protocol):
    """Reorders the first `depth` items of each ranking; with 0 it is never asked.

    ``order_BK = reranker(item_BK, score_BK, history)``: the places, from 0, in their new order, in
    each row a permutation that depends on this row alone. Items are listed best first with their
    scores; where there are fewer than K, a row ends in item 0 (score minus infinity), and has to
    end so again.
    """

    depth: int

    def __call__(self, item_BK: Tensor, score_BK: Tensor, history: History) -> Tensor: ...
