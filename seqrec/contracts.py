"""Contracts of the components: what each kind takes and returns."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Protocol

import numpy as np
import polars as pl
from torch import Generator, Tensor
from torch.optim import Optimizer

from seqrec.facts import Facts
from seqrec.shapes import EvalBatch, History, Negatives, Segments, Targets, TrainBatch


class Ranked(Protocol):
    """Scores of items for queries: all that evaluating and recommending need.

    A query is one row of whatever `block` takes: a tensor for a :class:`Catalogue`. `score` takes
    one item per query, (N,), or S items per query, (N, S).
    """

    def __len__(self) -> int: ...
    def score(self, query: Any, item: Tensor) -> Tensor: ...
    def score_shared(self, query: Any, item_S: Tensor) -> Tensor: ...
    def block(self, query: Any, first: int, last: int) -> Tensor: ...
    def rounding(self, query: Any, item_N: Tensor, score_N: Tensor) -> Tensor: ...


class Window(Protocol):
    """Cuts histories into segments of at most `max_length` inputs; a target occurs at most once.

    One whose segments differ from epoch to epoch has ``drawn(start, end, max_length, rng)``, those
    of one epoch: as many for any generator, and some of those of a call.
    """

    def __call__(self, start: np.ndarray, end: np.ndarray, max_length: int) -> Segments: ...


class ItemEmbedding(Protocol):
    """Maps histories to vectors ``x_BLD``; `table` returns those of all items for tied scorers.

    With ``from_start = True`` it needs no history, so a user's first event is a target, too.
    One whose vectors are sums of parts (an id, features) may have ``summands(history)``, these by
    name, for explanations.
    """

    def __call__(self, history: History) -> Tensor: ...
    def table(self) -> Tensor: ...


class EventContext(Protocol):
    """Maps event columns to ``c_BLD``, which is added to the item vectors.

    If it is a sum of parts, ``summands(history)`` may return these by name, for explanations.
    """

    wanted: tuple[str, ...]  # columns of the store

    def __call__(self, history: History) -> Tensor: ...


class Encoder(Protocol):
    """Maps ``x_BLD -> h_BLD``. A causal encoder sees positions ``<= t`` at t, so never padding.

    One that reads event columns, such as ``timestamp``, names them in ``wanted``, as a context
    does; where that depends on a key, its class has ``wanted_by``, columns by key. Three more
    methods are optional:

    - ``last(x_BLD, history) -> h_BD``: the state at the last valid position, at lower cost.
    - ``weights(x_BLD, history) -> alpha_BHL``: the attention of the last layer's H heads at the
      last valid position; 0 beyond it.
    - ``maps(x_BLD, history) -> [alpha_BHLL, ...]``: the attention of every position in every layer,
      the first layer first.
    """

    @property
    def causal(self) -> bool: ...  # of the class, or a parameter of this name

    def __call__(self, x_BLD: Tensor, history: History) -> Tensor: ...


class Head(Protocol):
    """Maps ``h_BLD -> u_BLD``: the summaries of all prefixes at once.

    With ``local = True`` it uses a position's own state only, so the encoder's ``last`` is enough.
    With ``reads_inputs = True`` all its methods take the encoder's inputs ``x_BLD`` after the
    states ``h_BLD``, and at fixed states its summary is linear in them.
    A multi-head one may have ``head_weights(...) -> alpha_BHL``. One that mixes attention with the
    state may have ``gate(...) -> g_B``, the share of attention, which pages show.
    """

    # the arguments are the states, and the inputs if it reads them; then the position
    def __call__(self, *args: Any, **kwargs: Any) -> Tensor: ...

    def at(self, *args: Any, **kwargs: Any) -> Tensor:
        """Return ``u_BD``: a call's summary at one position of each sequence, computed in O(L).

        The position, ``position_B``, comes last. It can be exported with any number of sequences
        and positions: it doesn't index by two tensors, loop over positions in Python or keep a
        length as a number.
        """
        ...

    def weights(self, *args: Any, **kwargs: Any) -> Tensor:
        """Return ``alpha_BL``: the attention over positions ``<= position_B``; 0 beyond."""
        ...


class Scorer(Protocol):
    """Maps ``u_ND -> query_ND``, and gives the catalogue that queries are scored against.

    A scorer whose scores aren't products of vectors sets ``has_vectors = False``.
    """

    def __call__(self, u_ND: Tensor) -> Tensor: ...
    def catalogue(self, table_VD: Tensor) -> Ranked: ...


class NegativeSampler(Protocol):
    """Draws items that a position shouldn't predict.

    One with ``sees_queries = True`` takes ``query_ND`` and the ``catalogue`` after these; no
    gradient reaches them through what it returns. One with parameters is a module: they are trained
    and saved beside the model, and learn from :attr:`~seqrec.shapes.Negatives.lesson`. One that
    can't tell how likely its draws are sets ``has_probabilities = False``.
    """

    def __call__(self, targets: Targets, item_BL: Tensor, *seen: Any) -> Negatives: ...


class Loss(Protocol):
    """Returns the mean loss over the valid positions, in float32.

    If the targets have weights, it is their weighted mean, ``sum(w l) / sum(w)``. With
    ``needs_ratings`` it is a :class:`RatingLoss`. A loss that holds scores of the whole catalogue
    is a :class:`CatalogueLoss`.
    """

    needs_negatives: ClassVar[bool]
    needs_ratings: ClassVar[bool]

    def __call__(
        self,
        query_ND: Tensor,
        targets: Targets,
        catalogue: Any,  # Ranked; a Catalogue if the loss sets ``needs_vectors``
        negatives: Negatives | None,
    ) -> Tensor: ...


class RatingLoss(Loss, Protocol):
    """A loss that learns from ratings and predicts them."""

    def predict(self, query_ND: Tensor, item_N: Tensor, catalogue: Ranked) -> Tensor: ...


class CatalogueLoss(Loss, Protocol):
    """A loss that holds scores of the whole catalogue."""

    def scores_bytes(self, n_items: int, device_type: str, *, half: bool) -> int:
        """Return the bytes of scores that are held at once."""
        ...


class Model(Protocol):
    """A model as its objective sees it; see :class:`~seqrec.model.SequenceModel`."""

    embedding: ItemEmbedding
    scorer: Scorer

    def __call__(self, history: History) -> Tensor: ...
    def embed(self, history: History, candidate_V: Tensor | None = None) -> Tensor: ...
    def read(self, x_BLD: Tensor, history: History) -> Tensor: ...
    def catalogue(self) -> Ranked: ...


class Objective(Protocol):
    """Runs the forward passes of a training step.

    An objective with parameters ``loss`` and ``negatives`` receives the run's loss and negative
    sampler. ``trains``, ``"causal"`` or ``"any"``, states which encoders it can train. One with
    parameters of its own is a module: they are trained and saved beside the model, and aren't
    served. One that reads the ratings of the targets sets ``reads_ratings = True``. One whose
    question adds positions to a history says how many: ``further = 1``. They have item 0, and a
    model gives it a vector of its own then.
    """

    trains: ClassVar[str]

    @staticmethod
    def ask(history: History) -> History:
        """Return the input that predicts a history's next item: the history, perhaps extended.

        Every caller of a trained model uses it, so it depends on no state.
        """
        ...

    def __call__(self, model: Model, batch: TrainBatch) -> tuple[Tensor, int, dict[str, Tensor]]:
        """Return the mean loss, the number of targets, and the terms of the loss by name."""
        ...

    def held_out(self, model: Model, query_BD: Tensor, batch: EvalBatch) -> Tensor:
        """Return the mean loss at held-out events, given the queries that ranked them."""
        ...

    def scores_bytes(self, n_items: int, device_type: str, *, half: bool) -> int:
        """Return the bytes of scores of the whole catalogue that a step holds at once."""
        ...


@dataclass(frozen=True)
class Fresh:
    """What is known of items that a model has no vector for yet."""

    item_N: Tensor  # int64, the items
    known_V: Tensor  # bool, the items that the model knows; False for the padding
    item_E: Tensor  # int64, the items of the training events, by user, oldest first
    user_E: Tensor  # int64, their users
    items: Callable[[], pl.DataFrame]  # index, item, title, features


class Growth(Protocol):
    """Gives new items their first rows: of any table that has a row per item, (V, ...)."""

    def __call__(self, table_VD: Tensor, fresh: Fresh) -> Tensor:
        """Return finite rows, (N, ...), made of the rows of known items."""
        ...


class Update(Protocol):
    """What a run takes over from the run that it updates: where it begins, and what it keeps."""

    def begin(self, model: Any, task: Any, config: Any, facts: Facts) -> None:
        """Give a new model the weights of the updated run, before its first step."""
        ...

    def warm(self, optimizer: Any, model: Any) -> None:
        """Let a new optimizer of the model begin where that of the updated run was."""
        ...

    def learn(
        self, objective: Objective, model: Any, batch: TrainBatch, generator: Generator
    ) -> tuple[Tensor, int, dict[str, Tensor]]:
        """Return what the objective returns, with what keeps the model near the updated one."""
        ...


class Augment(Protocol):
    """Changes a training batch before its objective sees it.

    It returns an ordinary batch: padded on the right, lengths of at least 1, a target at each valid
    position. All random numbers come from the generator.
    """

    def __call__(self, batch: TrainBatch, generator: Generator) -> TrainBatch: ...


class Scheduler(Protocol):
    """Maps an optimizer to Lightning's description of its schedule; None: a constant rate.

    `monitor` is the validation metric that a schedule may follow, `mode` the better direction.
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
    """Reorders the first `depth` items of each ranking; with 0 it is never called.

    ``order_BK = reranker(item_BK, score_BK, history)`` holds the places, from 0, in new order: in
    each row a permutation that depends on this row only. Items come best first with their
    scores; a row of fewer than K items ends in item 0 (score minus infinity), also after
    reordering. One with ``reads_vectors = True`` also takes the model's vectors of these items,
    ``vector_BKD``, as its last argument.
    """

    depth: int

    def __call__(
        self, item_BK: Tensor, score_BK: Tensor, history: History, *vector_BKD: Tensor
    ) -> Tensor: ...
