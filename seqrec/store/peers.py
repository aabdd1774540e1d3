"""What processes know together, each of which has a share of a store."""

from collections.abc import Mapping
from typing import Protocol, TypeVar

import numpy as np

T = TypeVar("T")


class Peers(Protocol):
    """The processes of a run; each of them asks the same questions in the same order.

    Attributes:
        rank: this process, from 0.
        world: how many there are.
    """

    rank: int
    world: int

    def gather(self, value: T) -> list[T]:
        """Return what each process has, in the order of the processes."""
        ...

    def add(self, number: np.ndarray) -> np.ndarray:
        """Return the sums of the whole numbers that each process has."""
        ...


class Alone:
    """The only process, which has everything."""

    rank, world = 0, 1

    def gather(self, value: T) -> list[T]:
        """See :class:`Peers`."""
        return [value]

    def add(self, number: np.ndarray) -> np.ndarray:
        """See :class:`Peers`."""
        return number


ALONE = Alone()


def added(peers: Peers, number: Mapping[str, int]) -> dict[str, int]:
    """Return the sums of what each process counted, by name."""
    parts = peers.gather(number)
    return {name: sum(part[name] for part in parts) for name in number}
