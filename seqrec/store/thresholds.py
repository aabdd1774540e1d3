"""The step that needs counts of items, on buckets: events of users who are in memory by turns."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from seqrec.config.schema import Prepare
from seqrec.store.bucket import Bucket
from seqrec.store.core import core, holders
from seqrec.store.steps import Events, Minima, counting, remaining
from seqrec.terminal.progress import advancing
from seqrec.terminal.say import console

HOLDERS = ("user", "item", "person")  # the columns that :func:`~seqrec.store.core.holders` reads


@dataclass
class Thresholds:
    """Which events count, which of these are left, and how many of them each item has.

    A bit for each event and a number for each item are in memory.

    Args:
        least: what users, items and sessions must have.
        settings: the steps.
    """

    least: Minima
    settings: Prepare
    counted: dict[int, np.ndarray] = field(default_factory=dict)  # by bucket
    left: dict[int, np.ndarray] = field(default_factory=dict)
    of_item: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=np.int64))

    def add(self, number: int, events: Events) -> None:
        """Count the events of a bucket, as the steps before left them."""
        if not len(events):
            self.counted[number] = np.empty(0, np.uint8)
            return
        counted = counting(events, self.settings)
        items = int(events.item.max()) + 1  # those that no event counts for have a place, too
        self.include(np.bincount(events.item[counted], minlength=items))
        self.counted[number] = np.packbits(counted)

    def include(self, of_item: np.ndarray) -> None:
        """Add counts of items, of events that count."""
        self.of_item = summed(self.of_item, of_item)

    def settle(self, buckets: list[Bucket]) -> None:
        """Drop events until everyone has enough: round after round, bucket after bucket.

        Counts of items fall at once, so a round goes as far as it can.
        """
        self.left, round_ = dict(self.counted), 0
        while True:
            round_ += 1
            with advancing(f"fewest events, round {round_}", len(buckets), console) as done:
                for number, bucket in enumerate(buckets):
                    columns = {name: bucket.read(name) for name in HOLDERS if name in bucket.types}
                    self.left[number] = self.swept(columns, self.left[number])
                    done(1)
            if self.is_settled():
                return

    def apply(self, number: int, events: Events) -> Events:
        """Select the events of a bucket that remain."""
        size = len(events)
        counted, left = (_bits(bits[number], size) for bits in (self.counted, self.left))
        return remaining(events, counted, np.flatnonzero(left[counted]), self.of_item)

    def swept(self, columns: Mapping[str, np.ndarray], left: np.ndarray) -> np.ndarray:
        """Drop events of a bucket, by the counts of items that there are; these fall.

        Args:
            columns: `HOLDERS` of its events, as far as it has them.
            left: a bit for each of its events.

        Returns:
            `left`, without the bits of those that are dropped.
        """
        size = len(columns.get("item", ()))
        if not size:
            return left
        before = np.flatnonzero(_bits(left, size))
        at_least = {who: number for who, (_, number) in self.least.items()}
        codes = {who: code[before] for who, code in holders(columns, at_least).items()}
        staying = core(codes, at_least, self.of_item)
        if len(staying) == len(before):
            return left
        kept = np.zeros(size, dtype=bool)
        kept[before[staying]] = True
        return np.packbits(kept)

    def is_settled(self) -> bool:
        """Return whether no item is left with too few events: no bucket can lose one then."""
        _, least = self.least.get("item", ("", 0))
        return not ((self.of_item > 0) & (self.of_item < least)).any()


def summed(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Add up counts of codes, of which either may have more."""
    if len(one) < len(other):
        one, other = other, one
    total = one.copy()
    total[: len(other)] += other
    return total


def _bits(packed: np.ndarray, size: int) -> np.ndarray:
    return np.unpackbits(packed, count=size).astype(bool)
