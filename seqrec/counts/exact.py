"""Sums without rounding, which don't depend on the order of numbers or on who adds which."""

from fractions import Fraction
from math import frexp

import numpy as np

AT_ONCE = 1 << 18  # numbers that are added at once, in the processor's cache


def exact_sum(values: np.ndarray) -> Fraction:
    """Return the sum of numbers exactly (Rump, Ogita and Oishi 2008, "Accurate floating-point
    summation", algorithm 3.3: the leading bits of all numbers are added, then those that are left).

    Args:
        values: float64, finite, of at most 1e290.
    """
    total = Fraction(0)
    for first in range(0, len(values), AT_ONCE):
        left = values[first : first + AT_ONCE]
        while largest := float(np.abs(left).max()):
            above = 2.0 ** ((len(left) + 2).bit_length() + frexp(largest)[1])
            leading = (above + left) - above  # whole multiples of a power of two: their sum is one
            total += Fraction(float(leading.sum()))
            left = left - leading
    return total
