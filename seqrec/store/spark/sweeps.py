"""The steps of a preparation on Spark's executors: each has some of the buckets."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from seqrec.config.schema import Prepare
from seqrec.raw.source import Known
from seqrec.raw.spark.scratch import Scratch
from seqrec.store.bucket import owners
from seqrec.store.known import Texts, kept
from seqrec.store.spark.bucket import divided, load, mapped, save
from seqrec.store.steps import Events, Minima, Step
from seqrec.store.sweeps import Count, Sweeps, applied
from seqrec.store.thresholds import HOLDERS, Thresholds

Counts = tuple[np.ndarray, np.ndarray]  # codes, and how many of each


@dataclass(frozen=True)
class Place:
    """A row's place in the order that ``ties=shuffle`` draws, in a file that all executors read."""

    file: Path

    def __getitem__(self, row: np.ndarray) -> np.ndarray:
        return np.load(self.file, mmap_mode="r")[row]


@dataclass(frozen=True)
class Ids:
    """Ids by code, in files that all executors read."""

    user: Path
    item: Path

    def texts(self, number: int, buckets: int) -> tuple[Texts, Texts]:
        """Return what gives the ids of the users and of the items of events of a bucket."""

        def of_user(events: Events) -> pl.Series:
            user = pl.read_parquet(self.user).to_series()
            return user.gather(owners(events.persons, number, buckets))

        return of_user, lambda events: pl.read_parquet(self.item).to_series().gather(events.item)


@dataclass(frozen=True)
class Sweep:
    """What is done to each bucket, on whichever executor has it.

    Args:
        group: the steps.
        source: of the buckets; None: they are as Spark divided them.
        divided: what Spark divided.
        target: of what is left.
        buckets: how many there are.
        settings: of all steps.
        now, then: what the first step, and the one that follows, need of users and items.
        of_item: the file of the counts of items that `now` means.
        known, ids: for an update; see :func:`seqrec.store.known.kept`.
    """

    group: list[Step]
    source: Path | None
    divided: Path
    target: Path
    buckets: int
    settings: Prepare
    now: Minima | None
    then: Minima | None
    of_item: Path | None
    known: Known | None
    ids: Ids | None

    def __call__(self, job: tuple[int, Any]) -> "Swept":
        """Sweep a bucket, given its number and the bits of those of its events that remain."""
        number, bits = job
        counts = [Count(step) for step in self.group]
        events = applied(number, self._read(number), counts, self._thresholds(number, bits))
        then = Thresholds(self.then or {}, self.settings)
        if self.then is not None:
            then.add(number, events)
        if self.known is not None and self.ids is not None and len(events):
            texts = self.ids.texts(number, self.buckets)
            events = events.take(kept(events, *texts, self.known))
        save(self.target / str(number), events)
        of_item = [_sparse(count.of_item) for count in counts]
        totals = [(each.users, each.interactions, each.most, each.repeats) for each in counts]
        return Swept(totals, of_item, len(events), then.counted.get(number), _sparse(then.of_item))

    def _read(self, number: int) -> Events:
        if self.source is None:
            return divided(self.divided, number, self.buckets)
        return load(self.source / str(number))

    def _thresholds(self, number: int, bits: Any) -> Thresholds | None:
        if self.now is None or self.of_item is None:
            return None
        counted, left = ({number: each} for each in bits)
        return Thresholds(self.now, self.settings, counted, left, np.load(self.of_item))


@dataclass(frozen=True)
class Swept:
    """What the driver learns of a bucket.

    Args:
        totals: the numbers of each :class:`~seqrec.store.sweeps.Count`.
        of_item: and its counts of items.
        events: how many are left.
        counted: a bit for each of them: whether it counts in the step that follows.
        counting: the counts of items of those.
    """

    totals: list[tuple[int, int, int, int]]
    of_item: list[Counts]
    events: int
    counted: np.ndarray | None
    counting: Counts


@dataclass
class Spread(Sweeps):
    """Sweeps of many executors, each of which has some of the buckets in memory, by turns.

    Args:
        scratch: for the buckets.
        divided: what Spark divided.
        numbers: of the buckets that have events.
        buckets: how many there are.
        items: how many codes of items there are.
        ids: of users and items; None: they aren't asked for.

    Attributes:
        source: the folder of the buckets as the last sweep left them.
    """

    scratch: Scratch
    divided: Path
    numbers: list[int]
    buckets: int
    items: int
    ids: Ids | None
    source: Path | None = field(default=None, init=False)

    def _sweep(
        self, group: list[Step], now: Thresholds | None, then: Thresholds | None, last: bool
    ) -> Thresholds | None:
        of_item = None if now is None else self._shared(now.of_item)
        sweep = Sweep(
            group,
            self.source,
            self.divided,
            self.scratch.new(),
            self.buckets,
            self.settings,
            now.least if now else None,
            then.least if then else None,
            of_item,
            self.known if last else None,
            self.ids,
        )
        bits = [(now.counted[each], now.left[each]) if now else None for each in self.numbers]
        jobs = list(zip(self.numbers, bits, strict=True))
        counts, saved = [Count(step) for step in group], 0
        results: Iterator[Swept] = self.scratch.each(sweep, jobs)
        for number, swept in zip(self.numbers, results, strict=True):
            saved += swept.events
            for count, totals, items in zip(counts, swept.totals, swept.of_item, strict=True):
                count.include(*totals, _dense(*items))
            if then is not None and swept.counted is not None:
                then.counted[number] = swept.counted
                then.include(_dense(*swept.counting))
        shutil.rmtree(self.source or self.divided)
        self.source = sweep.target
        self._tell(counts, saved)
        if then is not None:
            then.include(np.zeros(self.items, dtype=np.int64))  # a place for each
            self._settle(then)
        return then

    def _settle(self, then: Thresholds) -> None:
        """Drop events until everyone has enough: each round, all buckets at once."""
        assert self.source is not None
        then.left = dict(then.counted)
        while True:
            drop = partial(
                _dropped,
                source=self.source,
                least=then.least,
                settings=self.settings,
                of_item=self._shared(then.of_item),
            )
            jobs = [(number, then.left[number]) for number in self.numbers]
            results = self.scratch.each(drop, jobs)
            for number, (left, (item, fewer)) in zip(self.numbers, results, strict=True):
                then.left[number] = left
                then.of_item[item] -= fewer
            if then.is_settled():
                return

    def _shared(self, values: np.ndarray) -> Path:
        path = self.scratch.new().with_suffix(".npy")
        np.save(path, values)
        return path


def _dropped(
    job: tuple[int, np.ndarray], source: Path, least: Minima, settings: Prepare, of_item: Path
) -> tuple[np.ndarray, Counts]:
    """Return which events of a bucket are left, and by how much the counts of items fall."""
    number, left = job
    before = np.load(of_item)
    then = Thresholds(least, settings, of_item=before.copy())
    left = then.swept(mapped(source / str(number), HOLDERS), left)
    return left, _sparse(before - then.of_item)


def _sparse(counts: np.ndarray) -> Counts:
    code = np.flatnonzero(counts)
    return code.astype(np.int32), counts[code]


def _dense(code: np.ndarray, counts: np.ndarray) -> np.ndarray:
    dense = np.zeros(int(code.max(initial=-1)) + 1, dtype=np.int64)
    dense[code] = counts
    return dense
