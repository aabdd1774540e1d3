"""Only the latest events of a history."""

import numpy as np

from seqrec.shapes import Segments


class Last:
    """One segment per sequence, its latest ``max_length`` inputs; earlier ones are left out."""

    def __call__(self, start: np.ndarray, end: np.ndarray, max_length: int) -> Segments:
        """Cut inputs ``start .. end`` of each sequence."""
        return Segments(np.maximum(start, end - max_length), end, np.zeros_like(end))
