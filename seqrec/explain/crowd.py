"""Many users' histories with events taken away, asked together."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from seqrec.contracts import Ranked
from seqrec.ensemble.model import AnyModel
from seqrec.errors import RunError
from seqrec.question import Question
from seqrec.question.question import DAMAGED, SIZE
from seqrec.ranking.policy import Policy
from seqrec.ranking.rank import BLOCK_BYTES
from seqrec.shapes import EvalBatch, History


@dataclass(frozen=True)
class Crowd:
    """Users with a target each.

    Items of a user's whole history count as seen, also those that are taken away or are too old
    for the model to read: the candidates are the same for every question about this user.

    Args:
        model: the model, in evaluation mode, on the CPU.
        catalogue: what its queries are scored against.
        policy: which items may be recommended.
        batch: the histories, the targets and the seen items, ordered by row.
        size: events that are asked at once.
    """

    model: AnyModel
    catalogue: Ranked
    policy: Policy
    batch: EvalBatch
    size: int = SIZE

    def __len__(self) -> int:
        """Return the number of users."""
        return len(self.batch.target_B)

    @cached_property
    def lengths(self) -> Tensor:
        """The number of events of each user that the model reads."""
        return self.batch.history.length_B

    @torch.no_grad()
    def best(self) -> Tensor:
        """Return each user's best item, 0 where none may be recommended."""
        parts = []
        width = self.batch.history.item_BL.shape[1]
        for rows in torch.arange(len(self)).split(max(1, self.size // width)):
            batch = self._batch(rows, self._kept(rows))
            query = self.model.query(batch.history, self.policy.candidate_V)
            parts.append(self.policy.rank(query, self.catalogue, batch, k=1).top_BK[:, 0])
        return torch.cat(parts)

    def aimed(self, target_U: Tensor) -> "Crowd":
        """Return the users that have a target, with these targets.

        Args:
            target_U: an item of each user; a user with 0 is left out.
        """
        [kept] = target_U.nonzero(as_tuple=True)
        place_U = torch.full((len(self),), -1).index_copy(0, kept, torch.arange(len(kept)))
        row_P = place_U[self.batch.seen_row_P]
        batch = EvalBatch(
            history=_rows(self.batch.history, kept),
            event_B=self.batch.event_B[kept],
            target_B=target_U[kept],
            rating_B=None,
            seen_row_P=row_P[row_P >= 0],
            seen_item_P=self.batch.seen_item_P[row_P >= 0],
        )
        return replace(self, batch=batch)

    @torch.no_grad()
    def ask(self, row_P: Tensor, keep_PL: Tensor) -> tuple[Tensor, Tensor]:
        """Ask P histories that keep some events of their users and delete the rest.

        Args:
            row_P: the user of each.
            keep_PL: bool, the events that are kept; events beyond a history's end don't count.

        Returns:
            ``rank_P``, the target's rank from 1, and ``height_P``, float64: its score over the mean
            score of the candidates, which no constant in the scores moves.

        Raises:
            RunError: a score isn't a finite number.
        """
        rank_P = torch.empty(len(row_P), dtype=torch.int64)
        height_P = torch.empty(len(row_P), dtype=torch.float64)
        keep_PL = keep_PL & (torch.arange(keep_PL.shape[1]) < self.lengths[row_P, None])
        for part in self._parts(keep_PL.sum(1)):
            batch = self._batch(row_P[part], keep_PL[part])
            query = self.model.query(batch.history, self.policy.candidate_V)
            rank_P[part] = self.policy.rank(query, self.catalogue, batch, k=1).rank_B
            score_B = self.catalogue.score(query, batch.target_B).double()
            height_P[part] = score_B - self._mean(query, len(part))
        if not height_P.isfinite().all():
            raise RunError("the model's scores aren't finite numbers", todo=DAMAGED)
        return rank_P, height_P

    def _parts(self, length_P: Tensor) -> Iterator[Tensor]:
        """Yield the places of histories that are asked at once, the longest first."""
        order, first = torch.argsort(length_P, descending=True, stable=True), 0
        while first < len(order):
            last = first + max(1, self.size // max(1, int(length_P[order[first]])))
            yield order[first:last]
            first = last

    def questions(self, users: Tensor | None = None) -> Iterator[Question]:
        """Yield each user's question; those of `users` alone if they are given."""
        for row in (torch.arange(len(self)) if users is None else users).tolist():
            yield question_of(
                self.model,
                self.catalogue,
                self.policy,
                self.batch,
                row,
                others=self.batch.history,
                size=self.size,
            )

    def of(self, model: AnyModel) -> "Crowd":
        """Return the same users and targets for another model."""
        return replace(self, model=model, catalogue=model.catalogue())

    def _kept(self, row_P: Tensor) -> Tensor:
        return torch.ones(len(row_P), self.batch.history.item_BL.shape[1], dtype=torch.bool) & (
            torch.arange(self.batch.history.item_BL.shape[1]) < self.lengths[row_P, None]
        )

    @cached_property
    def _seen(self) -> tuple[Tensor, Tensor]:
        """The first place among the seen pairs, and the number of them, by user."""
        count_U = torch.bincount(self.batch.seen_row_P, minlength=len(self))
        return count_U.cumsum(0) - count_U, count_U

    def _batch(self, row_P: Tensor, keep_PL: Tensor) -> EvalBatch:
        first_U, count_U = self._seen
        count_P = count_U[row_P]
        start_P = count_P.cumsum(0) - count_P
        seen_row = torch.arange(len(row_P)).repeat_interleave(count_P)
        at = torch.arange(len(seen_row)) - start_P[seen_row] + first_U[row_P][seen_row]
        return EvalBatch(
            history=self._deleted(row_P, keep_PL),
            event_B=torch.arange(len(row_P)),
            target_B=self.batch.target_B[row_P],
            rating_B=None,
            seen_row_P=seen_row,
            seen_item_P=self.batch.seen_item_P[at],
        )

    def _deleted(self, row_P: Tensor, keep_PL: Tensor) -> History:
        """Move the kept events of each history together; one without events has the padding."""
        whole, length_P = self.batch.history, keep_PL.sum(1)
        order = torch.argsort(~keep_PL, dim=1, stable=True)[:, : max(1, int(length_P.max()))]
        valid = torch.arange(order.shape[1]) < length_P[:, None]
        return History(
            item_BL=whole.item_BL[row_P].gather(1, order).masked_fill(~valid, 0),
            length_B=length_P.clamp(min=1),
            user_B=whole.user_B[row_P],
            event={name: value[row_P].gather(1, order) for name, value in whole.event.items()},
            asked_B=None if whole.asked_B is None else whole.asked_B[row_P],
        )

    def _mean(self, query: Any, rows: int) -> Tensor:
        """Return the mean score of the candidates, over blocks of items."""
        ranked_V, v = self.policy.ranked_V, len(self.catalogue)
        counted_V = torch.ones(v, dtype=torch.bool) if ranked_V is None else ranked_V.clone()
        counted_V[0] = False
        total = torch.zeros(rows, dtype=torch.float64)
        width = max(1, BLOCK_BYTES // (4 * rows))
        for first in range(0, v, width):
            last = min(v, first + width)
            score_BW = self.catalogue.block(query, first, last)
            total += score_BW[:, counted_V[first:last]].sum(1, dtype=torch.float64)
        return total / counted_V.sum()


def question_of(
    model: AnyModel,
    catalogue: Ranked,
    policy: Policy,
    batch: EvalBatch,
    row: int,
    **given: Any,
) -> Question:
    """Return the question about one row of a batch and its target.

    Args:
        model: the model, in evaluation mode.
        catalogue: what its queries are scored against.
        policy: which items may be recommended.
        batch: histories, targets and seen items.
        row: which of them.
        given: further arguments of the question: ``instead``, ``others``, ``size``.

    Raises:
        DataError: the target or the other item can't be recommended to this user.
    """
    history = _rows(batch.history, torch.tensor([row]))
    seen = set(batch.seen_item_P[batch.seen_row_P == row].tolist())
    unread = seen - set(history.item_BL[0].tolist())  # too old for the model to read
    if policy.mask_seen and unread:
        policy = policy.narrowed(deny=unread)
    return Question(
        model=model,
        catalogue=catalogue,
        policy=policy,
        history=history,
        target=int(batch.target_B[row]),
        **given,
    )


def _rows(whole: History, rows: Tensor) -> History:
    return History(
        item_BL=whole.item_BL[rows],
        length_B=whole.length_B[rows],
        user_B=whole.user_B[rows],
        event={name: value[rows] for name, value in whole.event.items()},
        asked_B=None if whole.asked_B is None else whole.asked_B[rows],
    )
