"""What is asked of an index for one query, and what it finds."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

FEW = 32  # a choice of at most one item in so many is scored item by item


@dataclass(frozen=True)
class Allowed:
    """The items that may be found; queries share it while the filters stay the same.

    Args:
        mask_V: bool, False for the padding.
        few: int64 indices of these items, if they are so few that scoring them alone is less work;
            otherwise None.
        hidden: int64 indices of the other items, in ascending order, if they are as few; otherwise
            None.
    """

    mask_V: NDArray[np.bool_]
    few: NDArray[np.int64] | None
    hidden: NDArray[np.int64] | None = None

    @classmethod
    def of(cls, mask_V: NDArray[np.bool_]) -> "Allowed":
        """Count the allowed items, and list them, or the others, if they are few."""
        allowed, few = int(np.count_nonzero(mask_V)), len(mask_V) // FEW
        return cls(
            mask_V,
            np.flatnonzero(mask_V) if allowed <= few else None,
            np.flatnonzero(~mask_V) if len(mask_V) - allowed <= max(1, few) else None,
        )

    def __len__(self) -> int:
        """Return the number of items of the catalogue, with the padding."""
        return len(self.mask_V)


NOTHING: NDArray[np.int64] = np.empty(0, np.int64)


@dataclass(frozen=True)
class Wanted:
    """How many items a query wants, from which.

    Args:
        k: length of the list.
        allowed: items that may be found.
        without: int64 indices of further items that may not, in ascending order: those that a
            session has seen.
    """

    k: int
    allowed: Allowed
    without: NDArray[np.int64] = field(default_factory=lambda: NOTHING)


@dataclass(frozen=True)
class Found:
    """The best items for one query: int64 indices, best first, and their float32 scores.

    Items of the same score are in the order of their indices. There are fewer than `k` if fewer
    are allowed; an item whose score isn't a finite number isn't found.
    """

    item_K: NDArray[np.int64]
    score_K: NDArray[np.float32]
