"""The step that needs counts of items, on buckets: events of users who are in memory by turns."""

from dataclasses import dataclass, field

import numpy as np

from seqrec.config.schema import Prepare
from seqrec.store.bucket import Bucket
from seqrec.store.core import core, holders
from seqrec.store.steps import Events, Minima, counting, remaining
from seqrec.terminal.progress import advancing
from seqrec.terminal.say import console


@dataclass
class Thresholds:
    """Which events count, which of these are left, and how many of them each item has.

    A bit for each event and a number for each item are in memory.

    Args:
        least: what users, items and sessions must have.
        settings: the steps.
        name: of the source, for messages.
    """

    least: Minima
    settings: Prepare
    name: str
    counted: list[np.ndarray] = field(default_factory=list)
    left: list[np.ndarray] = field(default_factory=list)
    of_item: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=np.int64))

    def add(self, events: Events) -> None:
        """Count the events of the next bucket, as the steps before left them."""
        if not len(events):
            self.counted.append(np.empty(0, np.uint8))
            return
        counted = counting(events, self.settings)
        items = int(events.item.max()) + 1  # those that no event counts for have a place, too
        of_item = np.bincount(events.item[counted], minlength=items)
        self.of_item = summed(self.of_item, of_item)
        self.counted.append(np.packbits(counted))

    def settle(self, buckets: list[Bucket]) -> None:
        """Drop events until everyone has enough: round after round, bucket after bucket.

        Counts of items fall at once, so a round goes as far as it can. It is the last if no item is
        left with too few: no bucket can lose an event then.
        """
        at_least = {who: number for who, (_, number) in self.least.items()}
        self.left, round_ = list(self.counted), 0
        while True:
            round_ += 1
            with advancing(f"fewest events, round {round_}", len(buckets), console) as done:
                for number, bucket in enumerate(buckets):
                    self._sweep(number, bucket, at_least)
                    done(1)
            few = (self.of_item > 0) & (self.of_item < at_least.get("item", 0))
            if not few.any():
                return

    def apply(self, number: int, events: Events) -> Events:
        """Select the events of a bucket that remain."""
        size = len(events)
        counted, left = (_bits(bits[number], size) for bits in (self.counted, self.left))
        return remaining(events, counted, np.flatnonzero(left[counted]), self.of_item)

    def _sweep(self, number: int, bucket: Bucket, at_least: dict[str, int]) -> None:
        columns = {name: bucket.read(name) for name in ("user", "item", "person")}
        given = {name: values for name, values in columns.items() if name in bucket.types}
        size = len(columns["item"])
        if not size:
            return
        left = np.flatnonzero(_bits(self.left[number], size))
        codes = {who: code[left] for who, code in holders(given, at_least).items()}
        staying = core(codes, at_least, self.of_item)
        if len(staying) < len(left):
            kept = np.zeros(size, dtype=bool)
            kept[left[staying]] = True
            self.left[number] = np.packbits(kept)


def summed(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Add up counts of codes, of which either may have more."""
    if len(one) < len(other):
        one, other = other, one
    total = one.copy()
    total[: len(other)] += other
    return total


def _bits(packed: np.ndarray, size: int) -> np.ndarray:
    return np.unpackbits(packed, count=size).astype(bool)
