"""Counterfactual: the smallest set of events without which the item leaves the list."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, combinations, islice
from math import comb
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor

from seqrec.errors import ConfigError
from seqrec.question import Explanation, Question

LARGEST = 10  # events of a set; all of its 1,024 subsets can be asked


class Counterfactual:
    """Find events such that the target falls out of the first `k` without them; each weighs 1.

    If the question compares two items, they are events without which the target falls behind the
    other item.

    Events are taken away one by one, always that which moves the target furthest down. Of smaller
    sets, those of up to `exhaustive` events are tried, the most promising first: those whose events
    move the target furthest down when each is left out alone. Of larger sets, the subsets of what
    was taken are tried. Every set that is returned was asked again, alone, and no proper subset of
    it does the same. All weights are 0 if no set of up to 10 events is found.

    ``about`` has the places of the events, the target's rank (and its lead over the other item)
    before and after, what replaced them, and whether the set is the smallest there is.

    Args:
        k: length of the list.
        edit: ``remove`` events, or ``replace`` each by an item drawn from those that could be
            recommended.
        exhaustive: largest size of sets that are tried in full.
        most: events that the sets of one size may have the model read. Where they don't suffice for
            all sets, those of the most promising events are tried, and ``smallest`` is false for
            larger ones.
        seed: of the items that replace others.

    Raises:
        ConfigError: the list has a place for every item, or the target isn't in it.
    """

    game: ClassVar[Literal["delete"]] = "delete"
    complete: ClassVar[bool] = False
    needs: ClassVar[Literal["anything"]] = "anything"

    def __init__(
        self,
        *,
        k: int = 10,
        edit: Literal["remove", "replace"] = "remove",
        exhaustive: int = 3,
        most: int = 1_000_000,
        seed: int = 0,
    ) -> None:
        if edit not in ("remove", "replace"):
            raise ValueError(f"edit={edit}: use remove or replace")
        if min(k, exhaustive, most) < 1:
            raise ValueError(f"k={k}, exhaustive={exhaustive}, most={most} must be at least 1")
        self.k, self.edit, self.exhaustive, self.most = k, edit, exhaustive, most
        self.seed = seed

    def __call__(self, question: Question) -> Explanation:
        """Search, and ask what became of the target."""
        search = _Search(question, self.k, self._replacements(question))
        before = search.standing(())
        self._check(question, before)
        found, smallest = search.smallest(self.exhaustive, self.most)
        weight_L = torch.zeros(len(question), dtype=torch.float64)
        about: dict[str, Any] = {"k": self.k, "edit": self.edit, "found": False, **before}
        if found is not None:
            weight_L[list(found)] = 1.0
            after = {f"{name}_without": value for name, value in search.standing(found).items()}
            about |= {"found": True, "events": list(found), "smallest": smallest, **after}
            if search.item_L is not None:
                about["replaced_by"] = search.item_L[list(found)].tolist()
        return Explanation(weight_L, search.asked, about=about)

    def _replacements(self, question: Question) -> Tensor | None:
        if self.edit == "remove":
            return None
        possible = question.allowed().clone()
        possible[[question.target, *question.history.item_BL[0].tolist()]] = False
        [item_N] = possible.nonzero(as_tuple=True)
        if not len(item_N):
            raise ConfigError(
                "there is no item that could replace one of the history",
                where="edit=replace",
                todo="use edit=remove",
            )
        at = torch.randint(len(item_N), (len(question),), generator=question.generator(self.seed))
        return item_N[at]

    def _check(self, question: Question, before: dict[str, Any]) -> None:
        """Refuse what the target can't lose, or has lost already."""
        if question.instead is not None:
            if before["lead"] <= 0:
                raise ConfigError(
                    "the item isn't ahead of the one that it is compared with",
                    where="instead",
                    todo="ask the other way round, why the other is ahead of it",
                )
            return
        places, rank = int(question.allowed().sum()), before["rank"]
        if self.k >= places:
            raise ConfigError(
                f"k={self.k}, but only {places} items can be recommended to this user, so none "
                "can leave the list",
                where="explainer.k",
                todo=f"use a k below {places}",
            )
        if rank > self.k:
            raise ConfigError(
                f"the item's rank is {rank}: it isn't among the first {self.k}, and can't leave",
                where="explainer.k",
                todo=f"use k={rank}, or ask about an item of the list",
            )


Events = tuple[int, ...]  # places in the history, in order


@dataclass
class _Search:
    """Asks for sets of events that are taken away, and counts.

    Args:
        question: what is asked.
        k: length of the list.
        item_L: what replaces events; None: they are removed.
        asked: how many histories were asked.
    """

    question: Question
    k: int
    item_L: Tensor | None
    asked: int = 0

    def standing(self, events: Events) -> dict[str, Any]:
        """Return the target's rank without some events, and its lead if another is compared."""
        self.asked += 1 if self.question.instead is None else 2
        keep_1L = self._kept([events])
        rank = int(self.question.ranks(keep_1L, self.item_L).item())
        if self.question.instead is None:
            return {"rank": rank}
        return {"rank": rank, "lead": self.question.values(keep_1L, self.item_L).item()}

    def falls(self, sets: list[Events]) -> list[float]:
        """Return how far the target falls below where it has to be: it is out if that is over 0."""
        self.asked += len(sets)
        keep_PL = self._kept(sets)
        if self.question.instead is not None:
            return (-self.question.values(keep_PL, self.item_L)).tolist()
        return (self.question.ranks(keep_PL, self.item_L) - self.k).tolist()

    def _kept(self, sets: list[Events]) -> Tensor:
        keep_PL = torch.ones(len(sets), len(self.question), dtype=torch.bool)
        row = torch.tensor([at for at, events in enumerate(sets) for _ in events], dtype=torch.long)
        keep_PL[row, torch.tensor([*chain(*sets)], dtype=torch.long)] = False
        return keep_PL

    def first(self, sets: Iterator[Events]) -> Events | None:
        """Return the first set without which the target is out, also when asked again alone."""
        while batch := list(islice(sets, self.question.rows)):
            for events, fall in zip(batch, self.falls(batch), strict=True):
                if fall > 0 and self.falls([events])[0] > 0:
                    return events
        return None

    def smallest(self, exhaustive: int, most: int) -> tuple[Events | None, bool]:
        """Return the smallest set that is found, and whether all smaller ones were tried.

        A greedy search comes first, as no set of its size or above need be tried then.

        Args:
            exhaustive: largest size of sets that are tried in full.
            most: events that the sets of one size may have the model read.
        """
        length = len(self.question)
        alone = self.falls([(event,) for event in range(length)])
        order = sorted(range(length), key=lambda event: (-alone[event], -event))
        greedy = self.greedily(order[: max(LARGEST, most // LARGEST // length)])
        largest = exhaustive if greedy is None else min(exhaustive, len(greedy) - 1)
        full = 0  # size up to which all sets were tried
        for size in range(1, largest + 1):
            events = order[: _promising(length, size, most // length)]
            if found := self.first(_sets(events, size, alone)):
                return found, full == size - 1
            full += full == size - 1 and len(events) == length
        for size in range(full + 1, len(greedy or ()) + 1):
            if found := self.first(_sets(greedy or (), size, alone)):
                return found, full == size - 1
        return None, False

    def greedily(self, order: list[int]) -> Events | None:
        """Take up to 10 events away, always that which does most, until the target is out.

        Args:
            order: the events that are tried, that first which does most alone.
        """
        taken = order[:1]
        while not self.first(iter([tuple(sorted(taken))])):
            rest = [event for event in order if event not in taken]
            if not rest or len(taken) == LARGEST:
                return None
            falls = self.falls([(*taken, event) for event in rest])
            taken.append(rest[max(range(len(rest)), key=lambda at: (falls[at], rest[at]))])
        return tuple(sorted(taken))


def _promising(length: int, size: int, sets: int) -> int:
    """Return how many events to take the sets of a size from, so that there are few enough."""
    return next(n for n in range(length, -1, -1) if n <= size or comb(n, size) <= sets)


def _sets(events: Sequence[int], size: int, alone: Sequence[float]) -> Iterator[Events]:
    """Yield the sets of a size, those first whose events do most alone."""
    sets = (tuple(sorted(each)) for each in combinations(events, size))
    return iter(sorted(sets, key=lambda each: -sum(alone[event] for event in each)))
