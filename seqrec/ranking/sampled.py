"""Sampled negatives to rank targets among, as in older papers, drawn once.

Such metrics don't estimate those of the full ranking, and may order models differently (Krichene
and Rendle 2020, "On sampled metrics for item recommendation", KDD). They serve to compare with
published results, and their names say that they are sampled.
"""

import hashlib
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from seqrec.store.views import View

MAX_AT_ONCE = 1 << 22  # random numbers held at once
GOLDEN = np.uint64(0x9E3779B97F4A7C15)  # of splitmix64 (Steele et al. 2014), as are MIXED
MIXED = (
    (np.uint64(30), np.uint64(0xBF58476D1CE4E5B9)),
    (np.uint64(27), np.uint64(0x94D049BB133111EB)),
)


@dataclass(frozen=True)
class SampledNegatives:
    """Distinct items for each event of a view, without the target and the history.

    Args:
        name: prefix of their metrics: ``sampled100`` or ``sampled100pop``.
        item_RS: int32; 0 at the end if a user has fewer items left.
    """

    name: str
    item_RS: Tensor

    @property
    def hash(self) -> str:
        """A hash of the negatives."""
        return hashlib.sha256(self.item_RS.numpy().tobytes()).hexdigest()[:12]

    def __deepcopy__(self, memo: dict) -> "SampledNegatives":
        """Return itself: it is immutable, so copies of a module can share it."""
        return self


def draw_negatives(
    item: NDArray[np.integer],
    view: View,
    weight_V: NDArray[np.floating],
    *,
    name: str,
    number: int,
    key: str,
    first_event: int = 0,
) -> SampledNegatives:
    """Draw negatives without replacement, with probabilities in proportion to weights.

    Takes the items with the smallest ``-ln(u) / weight`` (Efraimidis and Spirakis 2006), where u is
    a hash of key, event and item: the same on any machine, whatever else is drawn.

    Args:
        item: items of all events in the store.
        view: histories and targets.
        weight_V: weights of the items; those with weight 0 are never drawn.
        name: see :class:`SampledNegatives`.
        number: number of draws S per event.
        key: seed of the hash.
        first_event: where `item` begins among all events, which are hashed by their place.
    """
    seed = int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "little")
    item_RS = np.zeros((len(view), number), dtype=np.int32)
    number = min(number, len(weight_V))
    step = max(1, MAX_AT_ONCE // len(weight_V))
    with np.errstate(divide="ignore"):
        scale_V = 1 / weight_V
    for first in range(0, len(view), step):
        index = np.arange(first, min(first + step, len(view)))
        chunk = view.take(index)
        turn_BV = -np.log(_uniform(seed, chunk.end + first_event, len(weight_V))) * scale_V
        row_P, position_P = chunk.items_once(item)
        turn_BV[row_P, item[position_P]] = np.inf
        turn_BV[np.arange(len(index)), item[chunk.end]] = np.inf
        drawn_BS = np.argpartition(turn_BV, number - 1)[:, :number]
        left_BS = np.isfinite(np.take_along_axis(turn_BV, drawn_BS, 1))
        drawn_BS = -np.sort(-np.where(left_BS, drawn_BS, 0), axis=1)  # zeros last
        item_RS[index, :number] = drawn_BS
    return SampledNegatives(name, torch.from_numpy(item_RS))


def _uniform(seed: int, event_B: NDArray[np.integer], size: int) -> NDArray[np.float64]:
    """Return a number in (0, 1) for each event and item, by splitmix64."""
    item_V = np.arange(1, size + 1, dtype=np.uint64)
    x: NDArray[np.uint64] = event_B.astype(np.uint64)[:, None] * np.uint64(size) + item_V
    x = x * GOLDEN + np.uint64(seed)
    for shift, factor in MIXED:
        x = (x ^ (x >> shift)) * factor
    x = (x ^ (x >> np.uint64(31))) >> np.uint64(12)
    return (x.astype(np.float64) + 0.5) / 2**52
