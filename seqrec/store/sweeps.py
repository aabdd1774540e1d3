"""The steps of a preparation, on buckets: one after the other, each as a whole."""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl

from seqrec.config.schema import Prepare
from seqrec.errors import DataError
from seqrec.raw.source import Known
from seqrec.store.bucket import owners
from seqrec.store.divide import Divided
from seqrec.store.encode import nothing_left, repeats_note
from seqrec.store.known import Texts, kept, none_kept
from seqrec.store.steps import Events, Step, repeated
from seqrec.store.thresholds import Thresholds, summed
from seqrec.terminal.progress import advancing
from seqrec.terminal.say import console

RAW = Step("raw", lambda events: events)


@dataclass
class Count:
    """What there is after a step, over all buckets.

    Args:
        step: the step.
        users, interactions: how many.
        most: events of the user that has most.
        repeats: see :func:`~seqrec.store.steps.repeated`; only of events that are just sorted.
        of_item: events of each item.
    """

    step: Step
    users: int = 0
    interactions: int = 0
    most: int = 0
    repeats: int = 0
    of_item: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=np.int64))

    def add(self, events: Events) -> None:
        """Count the events of one more bucket."""
        of_user = np.bincount(events.user)
        users, repeats = int(np.count_nonzero(of_user)), 0
        if self.step.name is None:
            repeats = repeated(events)
        self.include(users, len(events), int(of_user.max()), repeats, np.bincount(events.item))

    def include(
        self, users: int, interactions: int, most: int, repeats: int, of_item: np.ndarray
    ) -> None:
        """Add what was counted elsewhere, of other users."""
        self.users += users
        self.interactions += interactions
        self.most = max(self.most, most)
        self.repeats += repeats
        self.of_item = summed(self.of_item, of_item)

    def counts(self) -> dict[str, int]:
        """Return the counts as a report has them."""
        items = int(np.count_nonzero(self.of_item))
        return {"users": self.users, "items": items, "interactions": self.interactions}


@dataclass
class Sweeps(ABC):
    """The steps, applied to the events of all buckets.

    Args:
        settings: the steps.
        name: of the source, for messages.
        known: ids that have numbers already; None: there are none.

    Attributes:
        report: the counts after each step.
        notes: what people should know.
    """

    settings: Prepare
    name: str
    known: Known | None
    report: list[dict[str, Any]] = field(default_factory=list, init=False)
    notes: list[str] = field(default_factory=list, init=False)
    _before: Count = field(default_factory=lambda: Count(RAW), init=False)

    def go(self, steps: Iterable[Step]) -> None:
        """Apply the steps; then each bucket has its events sorted by user and time.

        Raises:
            DataError: a step leaves nothing, or needs a column that the data lacks.
        """
        groups = [[RAW]]
        for step in steps:
            if step.least:
                groups.append([])
            groups[-1].append(step)
        thresholds: Thresholds | None = None
        for at, group in enumerate(groups):
            coming = groups[at + 1][0].least if at + 1 < len(groups) else None
            thresholds = self._sweep(
                group,
                thresholds,
                Thresholds(coming, self.settings) if coming else None,
                last=at + 1 == len(groups),
            )

    @abstractmethod
    def _sweep(
        self, group: list[Step], now: Thresholds | None, then: Thresholds | None, last: bool
    ) -> Thresholds | None:
        """Apply a group of steps to each bucket.

        Args:
            group: steps that need no more than the events of some users.
            now: what the first of them needs besides.
            then: what counts for the group that follows.
            last: whether none follows.

        Returns:
            `then`, settled.
        """

    def _tell(self, counts: list[Count], saved: int) -> None:
        """Report the counts of a group of steps, in order, and how many events were kept then.

        Raises:
            DataError: one leaves nothing.
        """
        for count in counts:
            if count.step.name is None:
                repeats, events = count.repeats, count.interactions
                self.notes += repeats_note(repeats, events, self.settings)
                continue
            self.report.append({"step": count.step.name, **count.counts()})
            if not count.interactions and count.step is RAW:
                raise DataError(f"{self.name} has no interactions")
            if not count.interactions:
                before = self._before
                most = [before.most, int(before.of_item.max())]
                step = count.step.name
                raise nothing_left(before.counts(), most, step, self.settings, self.name)
            self._before = count
        if not saved:
            raise none_kept(self.name)


@dataclass
class InTurn(Sweeps):
    """Sweeps of this process, which has one bucket after the other in memory.

    Args:
        divided: the buckets.
    """

    divided: Divided

    def _sweep(
        self, group: list[Step], now: Thresholds | None, then: Thresholds | None, last: bool
    ) -> Thresholds | None:
        counts = [Count(step) for step in group]
        buckets, saved = self.divided.buckets, 0
        with advancing(_title(group), len(buckets), console) as done:
            for number, bucket in enumerate(buckets):
                events = applied(number, bucket.load(), counts, now)
                if then is not None:
                    then.add(number, events)
                if last and self.known is not None and len(events):
                    events = events.take(kept(events, *self._texts(number), self.known))
                bucket.save(events)
                saved += len(events)
                done(1)
        self._tell(counts, saved)
        if then is not None:
            then.settle(buckets)
        return then

    def _texts(self, number: int) -> tuple[Texts, Texts]:
        """Return what gives the ids of the users and of the items of events of a bucket."""
        user, item = self.divided.user, self.divided.item

        def of_user(events: Events) -> pl.Series:
            return user.text(owners(events.persons, number, len(self.divided.buckets)))

        return of_user, lambda events: item.text(events.item)


def applied(number: int, events: Events, counts: list[Count], now: Thresholds | None) -> Events:
    """Apply steps to the events of a bucket, and count what each leaves."""
    for count in counts:
        if not len(events):
            break
        if now is None or count.step.least is None:
            events = count.step.apply(events)
        else:
            events = now.apply(number, events)
        if len(events):
            count.add(events)
    return events


def _title(group: list[Step]) -> str:
    return ", ".join(step.name or "sorting" for step in group)
