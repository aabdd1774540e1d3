"""One question about one model: why does it score this item so for this history?

Every explanation, and every audit of one, asks a model through :class:`Question`, so that removing
an event means the same to all of them.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Literal, Protocol

import torch
from torch import Tensor

from seqrec.contracts import Ranked
from seqrec.counts.table import Rows
from seqrec.model import BaselineModel, SequenceModel
from seqrec.ranking.policy import Policy
from seqrec.shapes import EvalBatch, History


@dataclass(frozen=True)
class Question:
    """Why does this model score this item so, for this history?

    What is scored is ``f``, the score of `target`, or with `instead` the difference between the
    scores of both ("why A and not B").

    Two games take events away. To *delete* an event removes it, and the later ones move up. To
    *mask* it keeps its position and makes its vector zero, the vector of padding; only models with
    vectors can play that one.

    Args:
        model: the model, in evaluation mode.
        catalogue: what its queries are scored against.
        policy: which items may be recommended; ranks are those of the run's evaluation.
        history: of one user; its items aren't padded.
        target: index of the item that is explained.
        instead: index of the item that it is compared with; None: the score alone.
        size: histories that are asked at once.
    """

    model: SequenceModel | BaselineModel
    catalogue: Ranked
    policy: Policy
    history: History
    target: int
    instead: int | None = None
    size: int = 256

    def __len__(self) -> int:
        """Return L, the number of events."""
        return self.history.item_BL.shape[1]

    # deleting -----------------------------------------------------------------------------------

    @torch.no_grad()
    def values(self, keep_PL: Tensor) -> Tensor:
        """Return ``f`` for P histories that keep some events and delete the rest.

        Args:
            keep_PL: bool, the events that are kept. A history that keeps none is one of an item
                that the model doesn't know.

        Returns:
            float64, ``value_P``.
        """
        return torch.cat([self._score(self._query(each)) for each in self._deleted(keep_PL)])

    @torch.no_grad()
    def ranks(self, keep_PL: Tensor) -> Tensor:
        """Return the target's rank, from 1, for P histories that keep some events.

        The items of the whole history count as seen, also where they are deleted: another set of
        candidates would move ranks for a reason that has nothing to do with the model.
        """
        parts = []
        for history in self._deleted(keep_PL):
            batch = self._batch(history)
            ranking = self.policy.rank(self._query(history), self.catalogue, batch, k=1)
            parts.append(ranking.rank_B)
        return torch.cat(parts)

    def _deleted(self, keep_PL: Tensor) -> Iterator[History]:
        for keep in keep_PL.split(self.size):
            length = keep.sum(1)
            order = torch.argsort(~keep, dim=1, stable=True)[:, : max(1, int(length.max()))]
            valid = torch.arange(order.shape[1]) < length[:, None]
            yield replace(
                self._rows(len(keep)),
                item_BL=torch.where(valid, self.history.item_BL[0][order], 0),
                length_B=length.clamp(min=1),
                event={name: column[0][order] for name, column in self.history.event.items()},
            )

    def _batch(self, history: History) -> EvalBatch:
        rows, seen = len(history.item_BL), self.history.item_BL[0]
        return EvalBatch(
            history=history,
            event_B=torch.arange(rows),
            target_B=torch.full((rows,), self.target),
            rating_B=None,
            seen_row_P=torch.arange(rows).repeat_interleave(len(seen)),
            seen_item_P=seen.repeat(rows),
        )

    # masking ------------------------------------------------------------------------------------

    @property
    def sequence_model(self) -> SequenceModel:
        """The model, which has vectors.

        Raises:
            TypeError: it is a baseline.
        """
        if not isinstance(self.model, SequenceModel):
            raise TypeError("a baseline has no vectors")
        return self.model

    def vectors(self) -> Tensor:
        """Return ``x_1LD``, the vectors that the encoder reads: of the events, oldest first.

        An objective that asks by further positions has further vectors behind them.
        """
        model = self.sequence_model
        with torch.no_grad():
            return model.embed(model.ask(self.history), self.policy.candidate_V)

    def score(self, x_BLD: Tensor) -> Tensor:
        """Return ``f_B`` of other vectors in place of :meth:`vectors`; it can be differentiated."""
        model = self.sequence_model
        history = model.ask(self._rows(len(x_BLD)))
        return self._score(model.scorer(model.last(x_BLD, history)))

    def masked_values(self, keep_PL: Tensor) -> Tensor:
        """Return ``f`` for P histories in which the vectors of some events are zero."""
        x_1LD = self.vectors()
        further = x_1LD.shape[1] - keep_PL.shape[1]
        keep_PL = torch.nn.functional.pad(keep_PL, (0, further), value=True)
        with torch.no_grad():
            parts = [self.score(x_1LD * keep[..., None]) for keep in keep_PL.split(self.size)]
        return torch.cat(parts)

    # both ---------------------------------------------------------------------------------------

    def _query(self, history: History) -> Any:
        return self.model.query(history, self.policy.candidate_V)

    def _score(self, query: Any) -> Tensor:
        rows = len(query.base_B) if isinstance(query, Rows) else len(query)
        score_B = self.catalogue.score(query, torch.full((rows,), self.target)).double()
        if self.instead is None:
            return score_B
        return score_B - self.catalogue.score(query, torch.full((rows,), self.instead)).double()

    def _rows(self, rows: int) -> History:
        """Return the history as a batch of equal rows."""
        one = self.history
        return replace(
            one,
            item_BL=one.item_BL.expand(rows, -1),
            length_B=one.length_B.expand(rows),
            user_B=one.user_B.expand(rows),
            event={name: column.expand(rows, -1) for name, column in one.event.items()},
            asked_B=None if one.asked_B is None else one.asked_B.expand(rows),
        )


@dataclass(frozen=True)
class Explanation:
    """How much each event of a history counts for the question.

    Args:
        weight_L: float64, oldest event first; larger speaks more for the target, negative against.
        asked: histories that were asked for it.
        error: for a complete method, how far the weights' sum is from what they should sum to, over
            that; else None.
        about: what else the method says of it, fit for JSON.
    """

    weight_L: Tensor
    asked: int
    error: float | None = None
    about: dict[str, Any] = field(default_factory=dict)


class Explainer(Protocol):
    """A method that weighs the events of a history.

    ``game`` is how it takes events away, if it does; ``complete`` says that its weights sum to what
    the events add to the score; ``needs`` says what a model must have: ``vectors`` (trained models
    do), ``attention`` (weights of their own), or ``anything``.
    """

    game: ClassVar[Literal["delete", "mask"] | None]
    complete: ClassVar[bool]
    needs: ClassVar[Literal["anything", "vectors", "attention"]]

    def __call__(self, question: Question) -> Explanation:
        """Weigh the events."""
        ...
