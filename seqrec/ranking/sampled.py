"""Negatives that a target is ranked among as in older papers, drawn once and never again.

Metrics of such ranks are no estimate of the full ranking's, and may order models otherwise
(Krichene and Rendle 2020, "On sampled metrics for item recommendation", KDD). They are there to be
compared with published ones, and carry what they are in their names.
"""

import hashlib
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from seqrec.store.views import View

MAX_AT_ONCE = 1 << 22  # random numbers that are held at once
GOLDEN = np.uint64(0x9E3779B97F4A7C15)  # of splitmix64 (Steele et al. 2014), and its two mixes
MIXED = (
    (np.uint64(30), np.uint64(0xBF58476D1CE4E5B9)),
    (np.uint64(27), np.uint64(0x94D049BB133111EB)),
)


@dataclass(frozen=True)
class SampledNegatives:
    """Items for each event of a view, all different, none of them in the history or the target.

    Args:
        name: what metrics of them are called by: ``sampled100``, ``sampled100pop``.
        item_RS: int32; 0 at the end where a user has fewer items left.
    """

    name: str
    item_RS: Tensor

    @property
    def hash(self) -> str:
        """Equal for equal negatives."""
        return hashlib.sha256(self.item_RS.numpy().tobytes()).hexdigest()[:12]

    def __deepcopy__(self, memo: dict) -> "SampledNegatives":
        """Return itself, as nothing in it ever changes: a copy of a module shares them."""
        return self


def draw_negatives(
    item: NDArray[np.integer],
    view: View,
    weight_V: NDArray[np.floating],
    *,
    name: str,
    number: int,
    key: str,
) -> SampledNegatives:
    """Draw without replacement, an item's chance going by its weight.

    The items with the smallest ``-ln(u) / weight`` (Efraimidis and Spirakis 2006), with u a hash
    of the key, the event and the item: the same on any machine, whatever else is drawn.

    Args:
        item: of the store's events.
        view: histories and targets.
        weight_V: of the items; those with weight 0 are never drawn.
        name: see :class:`SampledNegatives`.
        number: S.
        key: what they are a function of, beside the events.
    """
    seed = int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "little")
    item_RS = np.zeros((len(view), number), dtype=np.int32)
    number = min(number, len(weight_V))
    step = max(1, MAX_AT_ONCE // len(weight_V))
    with np.errstate(divide="ignore"):
        scale_V = 1 / weight_V
    for first in range(0, len(view), step):
        index = np.arange(first, min(first + step, len(view)))
        some = view.take(index)
        turn_BV = -np.log(_uniform(seed, some.end, len(weight_V))) * scale_V
        row = np.repeat(np.arange(len(index)), some.end - some.start)
        turn_BV[row, item[some.positions()]] = np.inf
        turn_BV[np.arange(len(index)), item[some.end]] = np.inf
        drawn_BS = np.argpartition(turn_BV, number - 1)[:, :number]
        left_BS = np.isfinite(np.take_along_axis(turn_BV, drawn_BS, 1))
        drawn_BS = -np.sort(-np.where(left_BS, drawn_BS, 0), axis=1)  # zeros last
        item_RS[index, :number] = drawn_BS
    return SampledNegatives(name, torch.from_numpy(item_RS))


def _uniform(seed: int, event_B: NDArray[np.integer], size: int) -> NDArray[np.float64]:
    """A number in (0, 1) for each event and item: splitmix64 of their place."""
    item_V = np.arange(1, size + 1, dtype=np.uint64)
    x: NDArray[np.uint64] = event_B.astype(np.uint64)[:, None] * np.uint64(size) + item_V
    x = x * GOLDEN + np.uint64(seed)
    for shift, factor in MIXED:
        x = (x ^ (x >> shift)) * factor
    x = (x ^ (x >> np.uint64(31))) >> np.uint64(12)
    return (x.astype(np.float64) + 0.5) / 2**52
