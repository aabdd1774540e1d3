"""A whole history, in overlapping segments."""

from typing import ClassVar

import numpy as np

from seqrec.shapes import Segments


class Sliding:
    """As many segments per sequence as needed, each ``stride`` events before the next.

    Each position is a target once, in the segment where it sees most: segments are laid from the
    end, and the positions that a segment shares with an earlier one are its prefix, only seen.

    Args:
        stride: events between the ends of two segments, 1 to ``max_length``; null: half of
            ``max_length``, at least 1. The overlap is ``max_length - stride``.
    """

    bounds: ClassVar[dict[str, tuple[int, str]]] = {"stride": (1, "max_length")}

    def __init__(self, *, stride: int | None = None) -> None:
        self.stride = stride

    def __call__(self, start: np.ndarray, end: np.ndarray, max_length: int) -> Segments:
        """Cut inputs ``start .. end`` of each sequence."""
        stride = max(1, max_length // 2) if self.stride is None else self.stride
        if not 1 <= stride <= max_length:
            raise ValueError(f"window.stride={stride} must lie between 1 and {max_length}")
        earlier = np.maximum(end - start - max_length, 0)
        count = 1 + -(-earlier // stride)
        last = np.cumsum(count)
        back = np.repeat(last, count) - 1 - np.arange(count.sum())  # segments after this one
        first, stop = np.repeat(start, count), np.repeat(end, count) - back * stride
        begin = np.maximum(first, stop - max_length)
        prefix = np.where(begin > first, stop - stride - begin, 0)
        return Segments(begin, stop, prefix)
