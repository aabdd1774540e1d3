"""Sorting many rows by integer keys."""

import numpy as np


def lexsort(*keys: np.ndarray) -> np.ndarray:
    """The same as :func:`numpy.lexsort` of integers, at millions of rows several times as fast.

    A radix sort, from the last digit of the first key to the first digit of the last. A digit is as
    many bits as leave room for a position beside it in one int64: so each pass is an ordinary sort
    of numbers, which is fast, and stable since no two of them are equal.

    Args:
        keys: one or more arrays of one length; the last is the most important.

    Returns:
        int64, the positions in order; rows with equal keys stay in theirs.
    """
    position = np.arange(len(keys[0]))
    order = None
    place = max(len(position) - 1, 1).bit_length()
    width = 63 - place
    for key in keys:
        if order is None and (key[1:] >= key[:-1]).all():
            continue  # as a log is in the order of time
        least, most = key.min(), key.max()
        for shift in range(0, (int(most) - int(least)).bit_length(), width):
            digit = (key if order is None else key[order]).astype(np.int64)
            digit -= least
            digit >>= shift
            digit &= (1 << width) - 1
            digit <<= place
            digit |= position
            digit.sort()
            digit &= (1 << place) - 1
            order = digit if order is None else order[digit]
    return position if order is None else order
