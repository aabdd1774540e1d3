"""One question about one model: why does it score this item so for this history?

Every explanation, and every audit of one, asks a model through :class:`Question`, so that removing
an event means the same to all of them.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal

import torch
from torch import Tensor

from seqrec.contracts import Ranked
from seqrec.counts.table import Rows
from seqrec.ensemble.model import AnyModel
from seqrec.errors import ConfigError, DataError, RunError
from seqrec.model import SequenceModel
from seqrec.ranking.policy import Policy
from seqrec.shapes import EvalBatch, History

Game = Literal["delete", "mask"]
SIZE = 8_192  # events
DAMAGED = "train the run again, or restore its checkpoint: its weights are damaged"


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
        history: of one user; its padding, if any, is cut off.
        target: index of the item that is explained.
        instead: index of the item that it is compared with; None: the score alone.
        others: histories of other users, for methods that compare with them; None: not at hand.
        size: events that are asked at once; more of them would leave the processor's cache.

    Raises:
        DataError: there is no event, or the target or the item it is compared with can't be
            recommended to this user.
    """

    model: AnyModel
    catalogue: Ranked
    policy: Policy
    history: History
    target: int
    instead: int | None = None
    others: History | None = None
    size: int = SIZE

    def __post_init__(self) -> None:
        object.__setattr__(self, "history", _cut(self.history))
        self._check(self.target, "target")
        if self.instead is not None:
            self._check(self.instead, "instead")
        if self.instead == self.target:
            raise DataError(
                "an item can't be compared with itself",
                where="instead",
                todo="name another item, or leave instead out",
            )

    def __len__(self) -> int:
        """Return L, the number of events."""
        return self.history.item_BL.shape[1]

    @property
    def rows(self) -> int:
        """How many histories are asked at once."""
        return max(1, self.size // len(self))

    def allowed(self) -> Tensor:
        """Return ``allowed_V``, the items that can be recommended to this user."""
        ranked_V = self.policy.ranked_V
        allowed_V = torch.ones(len(self.catalogue)) > 0 if ranked_V is None else ranked_V.clone()
        allowed_V[0] = False
        if self.policy.mask_seen:
            allowed_V[self.history.item_BL[0]] = False
        return allowed_V

    def _check(self, item: int, name: str) -> None:
        """Refuse an item that this user can't be recommended."""
        if not 0 < item < len(self.catalogue):
            what, todo = "isn't in the catalogue", f"use 1 to {len(self.catalogue) - 1}"
        elif self.policy.mask_seen and (self.history.item_BL == item).any():
            what = "is in the history, and this run recommends no item of a history again"
            todo = "ask about an item of the user's list, or set mask_seen=false"
        elif not self.allowed()[item]:
            what = "can't be recommended: training never saw it, or a filter leaves it out"
            todo = "ask about an item of the user's list"
        else:
            return
        raise DataError(f"the item of index {item} {what}", where=name, todo=todo)

    def generator(self, seed: int) -> torch.Generator:
        """Return random numbers of this question: its draws depend on no other question."""
        items = self.history.item_BL[0].tolist()
        return torch.Generator().manual_seed(hash((seed, self.target, *items)) % 2**63)

    # deleting -----------------------------------------------------------------------------------

    @torch.no_grad()
    def values(self, keep_PL: Tensor, item_L: Tensor | None = None) -> Tensor:
        """Return ``f`` for P histories that keep some events and delete the rest.

        It costs least where histories of similar length are neighbours.

        Args:
            keep_PL: bool, the events that are kept. A history that keeps none is one of an item
                that the model doesn't know.
            item_L: items that replace those of the other events; None: these are deleted.

        Returns:
            float64, ``value_P``.
        """
        edited = self._edited(keep_PL, item_L)
        return torch.cat([self._score(self._query(history)) for history in edited])

    @torch.no_grad()
    def ranks(self, keep_PL: Tensor, item_L: Tensor | None = None) -> Tensor:
        """Return the target's rank, from 1, for P histories that keep some events.

        The items of the whole history count as seen, also where they are deleted: another set of
        candidates would move ranks for a reason that has nothing to do with the model.

        Args:
            keep_PL: bool, the events that are kept.
            item_L: items that replace those of the other events; None: these are deleted.
        """
        parts = []
        for history in self._edited(keep_PL, item_L):
            batch = self._batch(history)
            ranking = self.policy.rank(self._query(history), self.catalogue, batch, k=1)
            parts.append(ranking.rank_B)
        return torch.cat(parts)

    def _edited(self, keep_PL: Tensor, item_L: Tensor | None = None) -> Iterator[History]:
        for keep in keep_PL.split(self.rows):
            if item_L is None:
                yield self._deleted(keep)
            else:
                item_BL = torch.where(keep, self.history.item_BL, item_L)
                yield replace(self._repeated(len(keep)), item_BL=item_BL)

    def _deleted(self, keep: Tensor) -> History:
        length = keep.sum(1)
        order = torch.argsort(~keep, dim=1, stable=True)[:, : max(1, int(length.max()))]
        valid = torch.arange(order.shape[1]) < length[:, None]
        return replace(
            self._repeated(len(keep)),
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
            ConfigError: it is a baseline.
        """
        if isinstance(self.model, SequenceModel):
            return self.model
        raise ConfigError(
            f"{self.model.title}: it has no vectors to change",
            where="method",
            todo="use a method that deletes events: leave_one_out, shapley or counterfactual",
        )

    def vectors(self) -> Tensor:
        """Return ``x_1LD``, the vectors that the encoder reads: of the events, oldest first.

        An objective that asks by further positions has further vectors behind them.
        """
        model = self.sequence_model
        with torch.no_grad():
            return model.embed(model.ask(self.history), self.policy.candidate_V)

    def summands(self) -> dict[str, Tensor]:
        """Return the parts that the events' vectors are sums of, by name, each (1, L, D)."""
        with torch.no_grad():
            return self.sequence_model.summands(self.history, self.policy.candidate_V)

    def score(self, x_BLD: Tensor, h_1LD: Tensor | None = None) -> Tensor:
        """Return ``f_B`` of other vectors in place of :meth:`vectors`; it can be differentiated.

        Args:
            x_BLD: the vectors.
            h_1LD: states that stay as they are while the inputs of a head that reads these change;
                None: those of the vectors.
        """
        model = self.sequence_model
        history = model.ask(self._repeated(len(x_BLD)))
        if h_1LD is None:
            return self._score(model.scorer(model.last(x_BLD, history)))
        h_BLD = h_1LD.expand(len(x_BLD), -1, -1)
        return self._score(model.scorer(model.head.at(h_BLD, x_BLD, history.length_B - 1)))

    def gradients(self, x_BLD: Tensor, h_1LD: Tensor | None = None) -> Tensor:
        """Return ``df/dx_BLD`` at vectors in place of :meth:`vectors`; see :meth:`score`."""
        parts = []
        with torch.enable_grad():
            for x in x_BLD.detach().split(self.rows):
                x = x.clone().requires_grad_()
                parts += torch.autograd.grad(self.score(x, h_1LD).sum(), x)
        return torch.cat(parts)

    def masked_values(self, keep_PL: Tensor) -> Tensor:
        """Return ``f`` for P histories in which the vectors of some events are zero."""
        x_1LD = self.vectors()
        further = x_1LD.shape[1] - keep_PL.shape[1]
        keep_PL = torch.nn.functional.pad(keep_PL, (0, further), value=True)
        with torch.no_grad():
            parts = [self.score(x_1LD * keep[..., None]) for keep in keep_PL.split(self.rows)]
        return torch.cat(parts)

    # both ---------------------------------------------------------------------------------------

    def played(self, game: Game, keep_PL: Tensor) -> Tensor:
        """Return ``f`` for P histories from which a game takes some events."""
        return self.values(keep_PL) if game == "delete" else self.masked_values(keep_PL)

    def _query(self, history: History) -> Any:
        return self.model.query(history, self.policy.candidate_V)

    def _score(self, query: Any) -> Tensor:
        rows = len(query.base_B) if isinstance(query, Rows) else len(query)
        score_B = self.catalogue.score(query, torch.full((rows,), self.target)).double()
        if self.instead is not None:
            other_B = self.catalogue.score(query, torch.full((rows,), self.instead))
            score_B = score_B - other_B.double()
        if not score_B.isfinite().all():
            raise RunError("the model's scores aren't finite numbers", todo=DAMAGED)
        return score_B

    def _repeated(self, rows: int) -> History:
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


def _cut(history: History) -> History:
    """Return one user's history without padding."""
    if len(history.item_BL) != 1:
        raise ValueError(f"a question is about one history, not {len(history.item_BL)}")
    length = int(history.length_B[0])
    if not history.item_BL[0, :length].any():
        raise DataError("the history has no event that could explain anything", where="items")
    return replace(
        history,
        item_BL=history.item_BL[:, :length],
        event={name: column[:, :length] for name, column in history.event.items()},
    )
