"""A row for each prefix of a history."""

from typing import ClassVar

import numpy as np

from seqrec.shapes import Segments


class Prefixes:
    """One segment for each target: the latest events before it, and nothing else is learned.

    The query is always last, as when a model is asked, and each target has dropout of its own
    (SASRec's descendants train so: ICSRec, DuoRec, BSARec). A history of n events takes about
    ``n * min(n, max_length)`` positions an epoch, many times as many as one segment.

    Args:
        per_epoch: prefixes of each history in an epoch, drawn anew for each; null: all.
    """

    bounds: ClassVar[dict[str, tuple[int, int]]] = {"per_epoch": (1, 1 << 31)}

    def __init__(self, *, per_epoch: int | None = None) -> None:
        self.per_epoch = per_epoch

    def __call__(self, start: np.ndarray, end: np.ndarray, max_length: int) -> Segments:
        """Cut inputs ``start .. end`` of each sequence into all its prefixes."""
        count = end - start
        first, last = np.repeat(start, count), np.cumsum(count)
        stop = 1 + first + np.arange(count.sum()) - np.repeat(last - count, count)
        begin = np.maximum(first, stop - max_length)
        return Segments(begin, stop, stop - begin - 1)

    def drawn(
        self, start: np.ndarray, end: np.ndarray, max_length: int, rng: np.random.Generator
    ) -> Segments:
        """Return the segments of one epoch: all, or `per_epoch` of each sequence."""
        cut = self(start, end, max_length)
        if self.per_epoch is None:
            return cut
        count = end - start
        sequence = np.repeat(np.arange(len(count)), count)
        order = np.lexsort((rng.random(len(sequence)), sequence))  # each sequence's in random order
        place = np.arange(len(order)) - np.repeat(np.cumsum(count) - count, count)
        chosen = np.sort(order[place < self.per_epoch])
        return Segments(cut.start[chosen], cut.end[chosen], cut.prefix[chosen])
